"""PostgreSQL in encodings that `initdb` may choose: what is kept comes back, or nothing is begun."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from reconciler.errors import StateError
from reconciler.model.desired import Options
from reconciler.state.records import Put

from .conftest import Place, new_schema
from .samples import address, entry, holder, state
from .servers import postgres_server

ODD = "Zürich ☎ 😀"


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "UTF8"])
def test_every_text_survives_the_store(tmp_path: Path, encoding: str) -> None:
    """Also where the environment or the address asks for another encoding of the client."""
    with TemporaryDirectory() as folder, postgres_server(Path(folder), encoding) as url:
        place = Place(new_schema(url) + "&client_encoding=LATIN1", tmp_path)
        store = place.open()
        with store.lock(holder()):
            assert store.load() is None
            odd = entry(
                1, options=Options(agent=ODD), prior={"voice_url": f"https://old.example.net/{ODD}"}
            )
            journal = store.begin(store.save(state(1)))
            full = journal.state.resources | {address(1): odd}
            journal.append([Put(address(1), odd)])
            found = store.load()
            assert found is not None
            assert found.resources == full
        again = place.open().load()
        assert again is not None
        assert again.resources == full


def test_refuses_a_different_database_encoding_before_any_write(tmp_path: Path) -> None:
    with TemporaryDirectory() as folder, postgres_server(Path(folder), "LATIN1") as url:
        store = Place(new_schema(url), tmp_path).open()
        with pytest.raises(StateError, match="LATIN1") as caught:
            store.load()
        assert caught.value.diagnostics[0].code == "state_encoding"
        with pytest.raises(StateError, match="createdb --encoding UTF8"), store.lock(holder()):
            pass
