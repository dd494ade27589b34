# The article: the run as one page to read, with all of its figures and tables (docs/article.md).

# What the run has of the things that figures and tables may need, training among them.
SHOWN = [*HAVE, *(["dpo"] if TRAINED else [])]
ARTICLE = {
    "exhibits": [
        *collect(
            "<results>/figures/{figure}.csv",
            figure=paper_index.exhibits(PAPER_INDEX, "figure", SHOWN),
        ),
        *collect(
            "<results>/tables/{table}.csv",
            table=paper_index.exhibits(PAPER_INDEX, "table", SHOWN),
        ),
    ],
    "drawings": collect(
        "<results>/figures/{figure}.svg",
        figure=paper_index.exhibits(PAPER_INDEX, "figure", SHOWN),
    ),
    "scorecard": rules.scorecard.output.csv,
    "index": "config/paper_index.yaml",
    "published": "config/published.csv",
    "overview": "workflow/report/workflow.rst",
}


rule article:
    input:
        **ARTICLE,
        explorer=rules.explorer.output.explorer,
    output:
        article=report(
            directory("<results>/article"),
            htmlindex="index.html",
            caption="../report/article.rst",
            category=ARTICLE_PAGE,
            labels={"shows": "The run as one page to read"},
        ),
    log:
        "<logs>/article.log",
    benchmark:
        "<benchmarks>/article.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        config=config,
        revision=REVISIONS["article"],
    message:
        "Writing the article of the run"
    script:
        "../scripts/article.py"


# The same without links into an explorer, to be kept in the repository. What it is made of there is
# among its inputs, so that its record says when it is stale (tests/article/test_kept.py).
use rule article as keep_article with:
    input:
        **ARTICLE,
        repository=article_sources(),
    output:
        article=directory("docs/article"),
    log:
        "<logs>/keep_article.log",
    benchmark:
        "<benchmarks>/keep_article.jsonl"
    message:
        "Keeping the article of the run in docs/article"
