# Exhibits: what figures and tables have in common. Each says for itself what it is made of.

# Categories of the report, which sorts them by name.
SCORECARD, FIGURES, TABLES, PROVENANCE = (
    "1 Scorecard",
    "2 Figures",
    "3 Tables",
    "4 Provenance",
)
# What the run has of the things that figures and tables may need (config/paper_index.yaml).
HAVE = [need for need, there in {"pairs": PAIRS, "audit": AUDITED}.items() if there]


def figure(name):
    """Outputs of a figure: svg and csv in the report, pdf for print."""
    shows = {"caption": f"../report/{name}.rst", "category": FIGURES}
    return {
        "svg": report(
            f"<results>/figures/{name}.svg", labels=shown(name, "picture"), **shows
        ),
        "pdf": f"<results>/figures/{name}.pdf",
        "csv": report(
            f"<results>/figures/{name}.csv", labels=shown(name, "values"), **shows
        ),
    }


def table(name):
    """Outputs of a table: csv in the report, Markdown for readers."""
    return {
        "csv": report(
            f"<results>/tables/{name}.csv",
            caption=f"../report/{name}.rst",
            category=TABLES,
            labels=shown(name),
        ),
        "md": f"<results>/tables/{name}.md",
    }


def shown(target, view=None):
    """Labels in the report: place in the paper's order and what it shows; figures have views."""
    place, entry = catalogue.placed(PAPER_INDEX, target, "config/paper_index.yaml")
    labels = {
        "no.": f"{place:02}",
        "paper": entry["number"] or "ours",
        "shows": entry["title"],
    }
    return labels | ({"view": view} if view else {})


def exhibits_of(need):
    """The figures and tables that are made for one target."""
    return [
        *collect(
            "<results>/tables/{table}.csv",
            table=paper_index.needing(PAPER_INDEX, "table", need),
        ),
        *collect(
            "<results>/figures/{figure}.svg",
            figure=paper_index.needing(PAPER_INDEX, "figure", need),
        ),
    ]


# What every figure and table has; never run by itself. A figure or table names its inputs and params
# as its module in src/cliff_tokens/exhibits takes them.
rule exhibit:
    log:
        "<logs>/exhibit.log",
    group:
        "exhibits"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        revision=REVISIONS["exhibits"],
    script:
        "../scripts/exhibit.py"
