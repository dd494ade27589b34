"""A server that speaks the part of the Hugging Face Hub's protocol by which files are fetched.

It serves repositories that a test makes, to the real client, over HTTP on this machine.
"""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".safetensors", ".parquet")  # stored as git LFS stores files, by sha256


@dataclass
class Repository:
    """Files at one commit, and what the server does with them."""

    files: dict[str, bytes]
    gated: bool = False
    token: str = "hf_reader"  # who may read it, if gated
    corrupt: set[str] = field(default_factory=set)  # served with a byte changed
    broken: dict[str, int] = field(default_factory=dict)  # once, after so many bytes

    @property
    def commit(self) -> str:
        names = "".join(f"{name}{_git_hash(data)}" for name, data in sorted(self.files.items()))
        return hashlib.sha1(names.encode()).hexdigest()


class HubServer(ThreadingHTTPServer):
    """Serves ``repositories`` ("models/OWNER/NAME" or "datasets/OWNER/NAME"), notes requests."""

    daemon_threads = True
    request_queue_size = 64  # connections not yet taken up: on a busy machine 5 are too few

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.log: list[tuple[str, str, str | None]] = []  # method, path, range
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def add(self, kind: str, name: str, folder: Path, **options) -> Repository:
        """Every file of a folder as a repository."""
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        repository = self.repositories[f"{kind}s/{name}"] = Repository(files, **options)
        return repository

    def stop(self):
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self._serve()

    def do_GET(self):
        self._serve()

    def _serve(self):
        url = urlsplit(self.path)
        path = unquote(url.path)
        self.server.log.append((self.command, path, self.headers.get("Range")))
        parts = path.strip("/").split("/")
        api = parts[0] == "api"
        parts = parts[1:] if api else parts
        if parts[0] not in ("models", "datasets"):
            parts = ["models", *parts]
        repository = self.server.repositories.get("/".join(parts[:3]))
        action, rest = (parts[3] if len(parts) > 3 else ""), parts[4:]
        if repository is None:
            return self._fail(401, "RepoNotFound")
        may_read = self.headers.get("Authorization") == f"Bearer {repository.token}"
        if repository.gated and not may_read and action in ("resolve", "auth-check"):
            return self._fail(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        revision = rest[0] if rest else "main"
        if action != "auth-check" and revision not in ("main", repository.commit):
            return self._fail(404, "RevisionNotFound")
        if action == "auth-check":
            return self._json({})
        if action == "resolve":
            return self._file(repository, "/".join(rest[1:]))
        if action == "tree":
            return self._json([_entry(*file) for file in sorted(repository.files.items())])
        blobs = "blobs" in parse_qs(url.query)
        return self._json(_information("/".join(parts[1:3]), repository, blobs))

    def _file(self, repository: Repository, name: str):
        if name not in repository.files:
            return self._fail(404, "EntryNotFound")
        data = repository.files[name]
        etag = _sha256(data) if name.endswith(LARGE) else _git_hash(data)
        if name in repository.corrupt:
            data = bytes([data[0] ^ 1]) + data[1:]
        start = 0
        if span := self.headers.get("Range"):
            start = int(span.removeprefix("bytes=").split("-")[0])
        body = data[start:]
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Repo-Commit", repository.commit)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if self.command == "HEAD":
            return
        if (cut := repository.broken.pop(name, None)) is not None:
            body = body[:cut]  # the connection ends in the middle of the file
            self.close_connection = True
        self.wfile.write(body)

    def _json(self, value):
        self._body(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _fail(self, status: int, code: str):
        self._body(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code})

    def _body(self, status: int, body: bytes, headers: dict):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _information(name: str, repository: Repository, blobs: bool) -> dict:
    siblings = []
    for file, data in sorted(repository.files.items()):
        sibling = {"rfilename": file}
        if blobs:
            sibling |= {"blobId": _git_hash(data), "size": len(data)}
            if file.endswith(LARGE):
                sibling["lfs"] = {"sha256": _sha256(data), "size": len(data), "pointerSize": 130}
        siblings.append(sibling)
    gated = "manual" if repository.gated else False
    return {"id": name, "sha": repository.commit, "gated": gated, "siblings": siblings}


def _entry(file: str, data: bytes) -> dict:
    entry = {"type": "file", "path": file, "size": len(data), "oid": _git_hash(data)}
    if file.endswith(LARGE):
        entry["lfs"] = {"oid": _sha256(data), "size": len(data), "pointerSize": 130}
    return entry


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
