"""Write what every file of the run was made of, and what with."""

from pathlib import Path

import yaml

from cliff_tokens import provenance
from cliff_tokens.script import running

with running(snakemake):
    output, config = snakemake.output, snakemake.params.config
    files = provenance.trace_back(snakemake.input)
    provenance.write_manifest(files, config["run"], output.manifest)
    Path(output.config).write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    Path(output.environment).write_text(provenance.environment(), encoding="utf-8")
    Path(output.rulegraph).write_text(provenance.rulegraph(files), encoding="utf-8")
