/** Light or dark, rows by word, and where one reads. The page can be read without. */
"use strict";
{
  const NAMES = ["auto", "light", "dark"];
  const KEY = "cliff-tokens-theme"; // the explorer's choice is this page's, too
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const show = (name) => {
    root.dataset.theme = name;
    button.textContent = name[0].toUpperCase() + name.slice(1);
    button.setAttribute("aria-label", `Colors: ${name}`);
  };
  let kept = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // A browser may keep nothing for pages from disk.
  }
  show(NAMES.includes(kept) ? kept : "auto");
  button.addEventListener("click", () => {
    const name = NAMES[(NAMES.indexOf(root.dataset.theme) + 1) % NAMES.length];
    try {
      localStorage.setItem(KEY, name);
    } catch {
      // Then it is chosen anew next time.
    }
    show(name);
  });

  // In a report of Snakemake the explorer is no neighbor by its own name.
  const { inReport } = root.dataset;
  if (inReport && location.pathname.includes("/data/raw/")) {
    for (const link of document.querySelectorAll('a[href^="../explorer/"]')) {
      const [, place = ""] = link.getAttribute("href").split("#");
      link.setAttribute("href", `${inReport}#${place}`);
    }
  }

  const rows = [...document.querySelectorAll("#card tbody tr")];
  document.getElementById("filter").addEventListener("change", (event) => {
    const word = event.target.value;
    for (const row of rows) row.hidden = word !== "" && row.dataset.word !== word;
    const count = rows.filter((row) => !row.hidden).length;
    document.getElementById("counted").textContent = `${count} rows`;
  });

  const contents = document.querySelector("nav details");
  if (matchMedia("(max-width: 900px)").matches) contents.open = false;
  const links = new Map(
    [...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]),
  );
  const seen = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        document.querySelector("nav [aria-current]")?.removeAttribute("aria-current");
        links.get(target.id).setAttribute("aria-current", "location");
      }
    },
    { rootMargin: "-20% 0px -70% 0px" },
  );
  for (const id of links.keys()) seen.observe(document.getElementById(id));
}
