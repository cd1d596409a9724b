"""What is encrypted at rest: in every store, with several keys, bound to where it belongs, and noticed when changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from reconciler.errors import StateError
from reconciler.state import plan_file
from reconciler.state.format.cipher import Aes
from reconciler.state.format.codec import Codec
from reconciler.state.records import Drop, Put
from reconciler.state.stores.file import FileStore

from .conftest import KEY, Place
from .samples import address, entry, holder, plan, state

OTHER = "another key of the tests, and of nothing else"


def code(caught: pytest.ExceptionInfo[StateError]) -> str:
    return caught.value.diagnostics[0].code


def test_encrypting_twice_gives_different_texts_that_decrypt_equally() -> None:
    cipher = Aes([KEY])
    texts = {cipher.seal(b"secret", b"here") for _ in range(3)}
    assert len(texts) == 3
    assert {cipher.open(text, b"here", "x") for text in texts} == {b"secret"}


@pytest.mark.parametrize(
    "change",
    [lambda t: t[:-8] + "AAAAAAA=", lambda t: t[:20], lambda t: "v2" + t[2:], lambda t: ""],
)
def test_changed_ciphertext_is_damage(change: object) -> None:
    cipher = Aes([KEY])
    assert callable(change)
    with pytest.raises(StateError) as caught:
        cipher.open(change(cipher.seal(b"a secret of some length", b"here")), b"here", "state.json")
    assert code(caught) == "state_damaged"


def test_ciphertext_of_a_different_place_is_damage() -> None:
    cipher = Aes([KEY])
    with pytest.raises(StateError, match="content was changed"):
        cipher.open(cipher.seal(b"secret", b"here"), b"there", "x")


def test_the_head_cannot_be_changed_without_notice() -> None:
    codec = Codec("acme", Aes([KEY]))
    sealed = codec.document(state(1))
    with pytest.raises(StateError, match="content was changed"):
        codec.state(sealed.replace(b'"serial":0', b'"serial":7'), "x")


def test_names_a_foreign_project_before_it_tries_a_key() -> None:
    sealed = Codec("acme", Aes([KEY])).document(state(1))
    with pytest.raises(StateError) as caught:
        Codec("other").state(sealed, "x")
    assert code(caught) == "state_wrong_project"


def test_no_message_shows_a_key() -> None:
    sealed = Aes([KEY]).seal(b"secret", b"")
    with pytest.raises(StateError) as caught:
        Aes([OTHER]).open(sealed, b"", "state.json")
    assert code(caught) == "encryption_key_wrong"
    assert KEY not in str(caught.value)
    assert OTHER not in str(caught.value)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(StateError, match="openssl rand") as caught:
        Aes([KEY, "short"])
    assert "short" not in str(caught.value).replace("too short", "")


@pytest.mark.parametrize("encrypted", [True, False])
def test_wrong_or_missing_key_changes_nothing(plain_place: Place, encrypted: bool) -> None:
    sealed = replace(plain_place, key=KEY)
    store = sealed.open()
    with store.lock(holder()):
        journal = store.begin(store.save(state(2)))
        journal.append([Put(address(5), entry(5))])
    expected = sealed.open().load()
    other = replace(plain_place, key=OTHER if encrypted else "").open()
    with pytest.raises(StateError) as caught:
        other.load()
    assert code(caught) == ("encryption_key_wrong" if encrypted else "encryption_key_missing")
    with other.lock(holder()), pytest.raises(StateError) as caught:
        other.save(state(0))
    assert code(caught) == ("encryption_key_wrong" if encrypted else "encryption_key_missing")
    assert sealed.open().load() == expected


def test_next_version_encrypts_a_plaintext_state(plain_place: Place) -> None:
    store = plain_place.open()
    with store.lock(holder()):
        first = store.save(state(2))
        store.begin(first).append([Put(address(5), entry(5))])
    store = replace(plain_place, key=KEY).open()
    with store.lock(holder()):
        found = store.load()
        assert found is not None
        journal = store.begin(found)
        journal.append([Drop(address(0))])
        final = journal.fold()
    with pytest.raises(StateError, match="declares no key"):
        plain_place.open().load()
    assert replace(plain_place, key=KEY).open().load() == final
    assert set(final.resources) == {address(1), address(5)}
    assert replace(plain_place, key=KEY).open().version(1) == first


def test_database_rows_show_no_plaintext(postgres: str, tmp_path: Path) -> None:
    from .conftest import new_schema

    location = new_schema(postgres)
    store = Place(location, tmp_path, KEY).open()
    with store.lock(holder()):
        now = store.save(state(2))
        journal = store.begin(now)
        journal.append([Put(address(0), entry(0, sid="PN-other"))])
        journal.fold()
    with psycopg.connect(location) as rows:
        for table in ("reconciler_resource", "reconciler_former"):
            kept = rows.execute(f"SELECT entry FROM {table}").fetchall()  # type: ignore[call-overload]
            assert kept
            assert all(text.startswith('"v1:') for (text,) in kept)


def test_file_and_journal_show_no_plaintext(file: Path) -> None:
    store = FileStore(file, "acme", cipher=Aes([KEY]))
    with store.lock(holder()):
        store.begin(store.save(state(2))).append([Put(address(5), entry(5))])
        for name in ("state.json", "state.json.journal"):
            text = file.with_name(name).read_text()
            assert "before.example" not in text
            assert "+1555" not in text


def test_a_plan_file_is_sealed_and_opened(tmp_path: Path) -> None:
    path, cipher = tmp_path / "plan.bin", Aes([KEY])
    plan_file.write(path, plan(), cipher=cipher)
    assert "a.example" not in path.read_text()
    assert plan_file.read(path, lambda: cipher) == plan()
    for ours, expected in (
        (None, "encryption_key_missing"),
        (Aes([OTHER]), "encryption_key_wrong"),
    ):
        with pytest.raises(StateError) as caught:
            plan_file.read(path, lambda ours=ours: ours)  # type: ignore[misc]
        assert code(caught) == expected
