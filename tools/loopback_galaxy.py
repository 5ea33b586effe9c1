"""A Galaxy on loopback that has one collection: what `ansible-galaxy collection install` and `verify` ask of API v3."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import pathlib
import tarfile
import threading


class Galaxy(http.server.ThreadingHTTPServer):
    """Serves from entry to exit, at `url`."""

    def __init__(self, tarball: pathlib.Path) -> None:
        super().__init__(("127.0.0.1", 0), GalaxyRequest)
        self.content = tarball.read_bytes()
        with tarfile.open(fileobj=io.BytesIO(self.content)) as archive:
            manifest = archive.extractfile("MANIFEST.json")
            assert manifest
            self.info = json.loads(manifest.read())["collection_info"]
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.place = f"/api/v3/collections/{self.info['namespace']}/{self.info['name']}"

    def __enter__(self) -> Galaxy:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self.shutdown()
        self.server_close()

    def answer(self, path: str) -> bytes | None:
        name, version = f"{self.info['namespace']}-{self.info['name']}", self.info["version"]
        detail = {
            "namespace": {"name": self.info["namespace"]},
            "collection": {"name": self.info["name"]},
            "version": version,
            "href": f"{self.place}/versions/{version}",
            "download_url": f"{self.url}/download/{name}-{version}.tar.gz",
            "artifact": {"sha256": hashlib.sha256(self.content).hexdigest()},
            "metadata": {"dependencies": self.info["dependencies"]},
            "signatures": [],
        }
        documents = {
            "/api": {"available_versions": {"v3": "v3/"}},
            self.place: {"href": self.place, "name": self.info["name"], "highest_version": {"version": version}},
            f"{self.place}/versions": {"meta": {"count": 1}, "links": {"next": None}, "data": [detail]},
            f"{self.place}/versions/{version}": detail,
        }
        if path.startswith("/download/"):
            return self.content
        return json.dumps(documents[path]).encode() if path in documents else None


class GalaxyRequest(http.server.BaseHTTPRequestHandler):
    server: Galaxy

    def do_GET(self) -> None:
        body = self.server.answer(self.path.partition("?")[0].rstrip("/"))
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: what goes wrong, ansible-galaxy tells."""
