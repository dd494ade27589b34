"""Models and data sets from the Hugging Face Hub: one commit, every file checked by its hash.

Files land in the Hub client's own cache (``HF_HOME`` says where), which other projects share and
where an interrupted download goes on. Only the functions that ask the Hub use the network, whatever
``HF_HUB_OFFLINE`` says of the process; everything else reads the cache. A token is needed for gated
repositories alone, and is the client's to find (``HF_TOKEN``, or a login of its command line).
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cliff_tokens.provenance import sha256

if TYPE_CHECKING:  # the Snakefile imports this module, and need not wait for pandas
    import pandas as pd

# What is left alone in a model's repository: other formats of the same weights, and folders.
_NOT_OF_A_MODEL = ["*/*", "*.bin", "*.pth", "*.pt", "*.gguf", "*.h5", "*.msgpack", "*.onnx"]


REMEDY = (
    "`snakemake --cores 1 resolve_revisions` asks the Hub for the commits that are missing and "
    "records them in config/revisions.lock.yaml"
)


class HubError(RuntimeError):
    """A repository that cannot be had as asked for; says which, why, and what would do."""


@dataclass(frozen=True)
class Repository:
    """A repository of the Hub at a commit; without one it can only be resolved."""

    kind: Literal["model", "dataset"]
    name: str  # OWNER/NAME
    revision: str | None = None  # 40 hexadecimal digits

    def __str__(self):
        at = f" at {self.revision}" if self.revision else ""
        return f"{self.kind.replace('dataset', 'data set')} {self.name}{at}"

    @property
    def ignored(self) -> list[str] | None:
        """Patterns of files that are not fetched."""
        return _NOT_OF_A_MODEL if self.kind == "model" else None


def check_access(repository: Repository) -> None:
    """Refuse a repository that is not there or may not be read, before anything waits for it."""
    with _asking(repository) as api:
        api.auth_check(repository.name, repo_type=repository.kind)


def resolve(repository: Repository) -> dict:
    """The commit that the default branch is at now, and the sha256 of its large files."""
    with _asking(repository) as api:
        info = api.repo_info(repository.name, repo_type=repository.kind, files_metadata=True)
    large = {file.rfilename: file.lfs.sha256 for file in _files(info, repository) if file.lfs}
    return {"revision": info.sha, "sha256": dict(sorted(large.items()))}


def resolve_missing(missing: Mapping[str, Sequence[str]], known: Mapping[str, dict]) -> dict:
    """What the lock file holds once the Hub was asked for the commits that are missing.

    ``missing`` maps kinds to names (OWNER/NAME), ``known`` kinds to what was recorded, which stays
    as it is. All or none: an error says which could not be resolved.
    """
    return {
        kind: dict(
            sorted(
                {
                    **known[kind],
                    **{name: resolve(Repository(singular, name)) for name in missing[kind]},
                }.items()
            )
        )
        for kind, singular in (("models", "model"), ("datasets", "dataset"))
    }


def check_all(repositories: Iterable[Repository]) -> None:
    """Refuse repositories that may not be fetched: one error names every one of them, and why."""
    repositories = sorted(repositories, key=str)
    if unresolved := [str(one) for one in repositories if one.revision is None]:
        raise HubError(f"No commit is known of the {', the '.join(unresolved)}. {REMEDY}")
    faults = []
    for repository in repositories:
        try:
            check_access(repository)
        except HubError as error:
            faults.append(str(error))
    if faults:
        raise HubError("\n".join(faults))


def fetch(repository: Repository, expected: Mapping[str, str] | None = None) -> dict:
    """Bring a commit into the cache and check it: repository, revision, sha256 of every file.

    ``expected`` holds sha256 that were recorded before. Every file is compared with what the Hub
    says of it, a sha256 for large files and git's own hash for others; one that differs is removed
    from the cache, so that the next attempt fetches it again.
    """
    from huggingface_hub import snapshot_download

    if repository.revision is None:
        raise HubError(f"{repository}: no commit is named. {REMEDY}")
    with _asking(repository) as api:
        info = api.repo_info(
            repository.name,
            repo_type=repository.kind,
            revision=repository.revision,
            files_metadata=True,
        )
        listed = {file.rfilename: file for file in _files(info, repository)}
        if missing := sorted(set(expected or {}) - set(listed)):
            raise HubError(f"{repository}: {missing[0]} is in the lock but not in the repository")
        path = snapshot_download(
            repository.name,
            repo_type=repository.kind,
            revision=repository.revision,
            ignore_patterns=repository.ignored,
        )
    digests = {}
    for name, file in sorted(listed.items()):
        digests[name] = _verify(repository, Path(path, name), file, (expected or {}).get(name))
    return {"repository": repository.name, "revision": repository.revision, "sha256": digests}


def folder(repository: Repository) -> Path:
    """Where the cache holds a repository that was fetched."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        path = snapshot_download(
            repository.name,
            repo_type=repository.kind,
            revision=repository.revision,
            ignore_patterns=repository.ignored,
            local_files_only=True,
        )
    except LocalEntryNotFoundError as error:
        raise HubError(
            f"{repository}: not in the Hub's cache, or only in part; expected it where it was "
            "fetched to (HF_HOME). Fetch it again: snakemake --cores 1 --forcerun fetch_model "
            "fetch_problems"
        ) from error
    return Path(path)


def rows(repository: Repository, config: str | None, split: str) -> "pd.DataFrame":
    """One split of a data set that was fetched, as it stands there."""
    from datasets import load_dataset
    from datasets.utils.logging import disable_progress_bar

    disable_progress_bar()
    path = folder(repository)
    # A cache of its own: the library's would outlive the files it was made from.
    with tempfile.TemporaryDirectory() as cache:
        try:
            loaded = load_dataset(str(path), config, split=split, cache_dir=cache)
        except ValueError as error:  # of an unknown configuration or split, naming those there are
            raise HubError(f"{repository}: {error}") from error
        # As Arrow has it: pandas would make floats of integers beside a null.
        return loaded.with_format("arrow")[:].to_pandas(
            ignore_metadata=True, integer_object_nulls=True
        )


@contextmanager
def _asking(repository: Repository) -> Iterator:
    """The Hub's client, allowed to use the network; its errors in our words."""
    import httpx2
    from huggingface_hub import HfApi, constants, get_token
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    offline, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, False
    token = "a token that may not" if get_token() else "no token"
    try:
        yield HfApi()
    except GatedRepoError as error:
        raise HubError(
            f"{repository}: gated. Accept its license at {constants.ENDPOINT}/{repository.name} "
            f"and set HF_TOKEN to a token of that account that may read it; found {token}"
        ) from error
    except RevisionNotFoundError as error:
        raise HubError(f"{repository}: the repository has no such commit") from error
    except RepositoryNotFoundError as error:
        raise HubError(
            f"{repository}: not found at {constants.ENDPOINT}; its name is wrong, or it is private "
            f"and needs HF_TOKEN (found {token})"
        ) from error
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx2.HTTPError, OSError) as error:
        raise HubError(f"{repository}: {constants.ENDPOINT} did not give it: {error}") from error
    finally:
        constants.HF_HUB_OFFLINE = offline


def _files(info, repository: Repository) -> list:
    """The entries of the Hub's listing for the files that are fetched."""
    from huggingface_hub.utils import filter_repo_objects

    return list(
        filter_repo_objects(
            info.siblings, ignore_patterns=repository.ignored, key=lambda file: file.rfilename
        )
    )


def _verify(repository: Repository, path: Path, file, expected: str | None) -> str:
    """The sha256 of a fetched file, if it is what the Hub and the lock say."""
    digest = sha256(path)
    if file.lfs:
        checks = [("sha256", file.lfs.sha256, digest)]
    else:
        checks = [("git hash", file.blob_id, _git_hash(path))]
    if expected is not None:
        checks.append(("recorded sha256", expected, digest))
    for name, stated, computed in checks:
        if stated != computed:
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            raise HubError(
                f"{repository}: {path.name} has another {name} than expected: {computed}, not "
                f"{stated}. It was removed from the cache; fetch it again"
            )
    return digest


def _git_hash(path: Path) -> str:
    """The hash by which git, and so the Hub, names a file's content."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
