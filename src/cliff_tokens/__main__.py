"""The command ``cliff-tokens``: what a file of a run is made of, and whether a run is intact."""

import argparse
import sys

from cliff_tokens import provenance, tables

_SHOWN = 5


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if all is well, 1 if a file is not what it should be."""
    parser = argparse.ArgumentParser(prog="cliff-tokens", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="content, rule, params and inputs of a file")
    show.add_argument("file", help="a table (parquet), or a csv, svg, pdf or md of a run")
    verify = commands.add_parser("verify", help="check every file of a run against its manifest")
    verify.add_argument("run", help="folder of the run, such as results/testbed")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "show":
            print(provenance.describe(chosen.file))
            return 0
        checked, wrong = provenance.verify(chosen.run)
    except (provenance.ProvenanceError, tables.TableError) as error:
        print(error, file=sys.stderr)
        return 1
    for line in wrong[:_SHOWN]:
        print(line, file=sys.stderr)
    print(f"{chosen.run}: {checked - len(wrong)} of {checked} files are as the manifest has them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
