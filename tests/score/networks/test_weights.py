"""Weight files that are downloaded: whatever cuts one short is one line, and nothing of it stays."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ldbench.errors import WeightsError
from ldbench.score.networks import weights
from ldbench.score.networks.weights import WeightsFile

ANSWERS = {
    "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
    "/length": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc",
    "/nonsense": b"SSH-2.0-other\r\n\r\n",
    "/closed": b"",
}


class _Cut(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.wfile.write(ANSWERS[self.path])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Cut)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("path", ANSWERS)
def test_a_download_that_is_cut_is_one_line(
    path: str, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("LDBENCH_ALLOW_DOWNLOAD", "1")
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(WeightsError, match=f"{host}{path}") as caught:
        weights.locate(WeightsFile("net.bin", f"{host}{path}", "0" * 64))
    assert str(caught.value).endswith(f"; download it elsewhere and put it at {tmp_path / 'weights' / 'net.bin'}")
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "weights").iterdir())
