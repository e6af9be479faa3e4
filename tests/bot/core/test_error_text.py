from __future__ import annotations

import pytest

from bot.core.error_text import explain, is_out_of_memory, trouble, went_away, without_paths
from bot.core.errors import BadPicture, BadValue, DeliveryFailed, UserError
from comfy import errors
from comfy.prompt import Prompt

PROMPT = Prompt({"5": {"class_type": "ImageBlur", "inputs": {}, "_meta": {"title": "Soften"}}})
FAULT = errors.NodeError("5", "ImageBlur", "value_bigger_than_max", "Value 99 bigger than max of 31", "blur_radius")


def every(kind: type[BaseException]) -> set[type[BaseException]]:
    return {kind}.union(*map(every, kind.__subclasses__()))


SAMPLES: list[BaseException] = [
    errors.ComfyError("http://10.0.0.1:8188 says /srv/x"),
    errors.ServerUnavailable("http://10.0.0.1:8188 cannot be reached"),
    errors.CertificateRefused("https://10.0.0.1:8188 has a certificate"),
    errors.PromptLost("abc"),
    errors.WorkerWedged("abc", 60),
    errors.TimeLimitReached("abc", 1800),
    errors.PromptRejected("x", "no", (FAULT,)),
    errors.ExecutionFailed("5", "ImageBlur", "ValueError", "bad file /srv/comfy/models/x.bin"),
    errors.PicturesLost("the connection was lost"),
    errors.PromptInterrupted("abc"),
    errors.PromptRemoved("abc"),
    errors.UnexpectedAnswer("http://10.0.0.1:8188 answered with 500", 500),
    errors.UnexpectedAnswer("http://10.0.0.1:8188 answered with 429", 429),
    errors.Garbled("http://10.0.0.1:8188 answers, but it is not ComfyUI", 200),
    errors.Redirected(
        "http://10.0.0.1:8188 redirects to https://a.example: use that address", 302, "https://a.example"
    ),
    errors.FileMissing("/srv/x"),
    errors.FileRefused("no", 400, "a..b.png"),
    errors.UploadFailed("http://10.0.0.1:8188 could not save a file (500)", 500),
    errors.WebPage("a web page", 200, "Sign in"),
    errors.WrongScheme("http://10.0.0.1:8188 speaks https", "https"),
    errors.HistoryCleared("abc"),
    errors.AnswerTooLarge("/queue answers with more than 32 MB", 32_000_000),
    errors.AnswerTooLarge("a file is larger than 2000 MB", 2_000_000_000, is_file=True),
    errors.TooLarge("no"),
    errors.Redirected("http://10.0.0.1 redirects", 302, "https://comfy.example/ui"),
]


def test_every_error_of_the_client_has_a_sentence_of_its_own() -> None:
    assert {type(sample) for sample in SAMPLES} == every(errors.ComfyError)
    for sample in SAMPLES:
        sentence = explain(sample, "run-7", PROMPT)
        assert sentence.strip()
        assert "\n" not in sentence
        assert not any(secret in sentence for secret in ("10.0.0.1", "/srv", "run-7", "abc"))


@pytest.mark.parametrize("error", [BadValue("photo", "no"), BadPicture("bad"), DeliveryFailed("lost"), UserError("x")])
def test_sentences_for_the_person_are_shown_as_they_are(error: Exception) -> None:
    assert explain(error, "run-7") == str(error)


def test_anything_else_shows_the_id_only() -> None:
    sentence = explain(KeyError("secret"), "run-7")
    assert "run-7" in sentence
    assert "secret" not in sentence


def test_nodes_go_by_their_titles() -> None:
    failed = errors.ExecutionFailed("5", "ImageBlur", "ValueError", "radius is odd\nTraceback: /srv")
    assert explain(failed, "r", PROMPT) == "“Soften” failed: radius is odd"
    assert explain(failed, "r") == "“ImageBlur” failed: radius is odd"
    assert "“Soften”: Value 99 bigger" in explain(errors.PromptRejected("x", "no", (FAULT,)), "r", PROMPT)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("torch.OutOfMemoryError", "x"),
        ("RuntimeError", "CUDA out of memory. Tried"),
        ("X", "Allocation on device 0"),
        ("RuntimeError", "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
        ("numpy._core._exceptions._ArrayMemoryError", "Unable to allocate 4.00 TiB for an array"),
    ],
)
def test_memory(kind: str, message: str) -> None:
    assert "ran out of memory" in explain(errors.ExecutionFailed("5", "ImageBlur", kind, message), "r", PROMPT)


@pytest.mark.parametrize(("node", "what"), [("Mix", "“Mix”"), ("", "this")])
def test_who_took_servers_down_reads_where_as_far_as_they_told_it(node: str, what: str) -> None:
    words = (
        f"The server stopped answering while it worked on {what}, in the last of 4 attempts. Please tell the operator."
    )
    assert went_away(node, 4) == words


def test_an_encoder_that_cannot_make_anything_of_no_sound_has_memory_enough() -> None:
    failed = errors.ExecutionFailed("5", "Save", "av.error.MemoryError", "[Errno 12] Cannot allocate memory")
    assert explain(failed, "r") == "“Save” failed: [Errno 12] Cannot allocate memory"
    assert not is_out_of_memory(failed)


def test_a_single_word_is_told_with_the_kind_of_the_error() -> None:
    failed = errors.ExecutionFailed("5", "Mix", "builtins.KeyError", "'seed'")
    assert explain(failed, "r") == "“Mix” failed: 'seed' (KeyError)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no such file: /srv/comfy/models/x.safetensors", "no such file: x.safetensors"),
        ("no such file: 'C:\\ComfyUI\\my models\\x.bin'", "no such file: 'x.bin'"),
        ("cannot open (/home/ann/in.png)", "cannot open (in.png)"),
        ("3/4 of and/or is fine", "3/4 of and/or is fine"),
        ("see https://example.org/x?token=1 for more", "see … for more"),
        ("HTTPConnectionPool(host='10.0.0.5', port=8188) refused", "HTTPConnectionPool(host='…', port=8188) refused"),
        ("no answer from 192.168.1.7:8188, nor from localhost:8188", "no answer from …, nor from …"),
        ("cannot reach gpu-1.farm.internal:8188 or [fd00::5]:8188", "cannot reach … or …"),
        ("Value 16:10 in step 1.2.3 of main.py:12", "Value 16:10 in step 1.2.3 of main.py:12"),
        ("\n\n  first\nsecond", "first"),
        ("x" * 500, "x" * 239 + "…"),
        ("api.localhost:8188 and a-b.c-d.local are not for everybody", "api.… and … are not for everybody"),
        ("waiting for...gpu1.local:8188, or for .gpu2.lan", "waiting for...…, or for .…"),
        ("\n" * 5000 + "the reason", "the reason"),
    ],
)
def test_the_servers_own_words(text: str, shown: str) -> None:
    assert without_paths(text) == shown


@pytest.mark.parametrize("again", ["a-", "a.", "a/", "-", ".", "a://", "a..", "1.", "[:", "'/", "C:"])
def test_of_a_long_message_only_the_beginning_is_read(again: str) -> None:
    """Where it took the time of all pairs of letters, this would take hours."""
    assert len(without_paths(again * 1_000_000)) <= 240
    failed = errors.ExecutionFailed("1", "Show", "ValueError", again * 1_000_000)
    assert len(explain(failed, "run")) < 300


@pytest.mark.parametrize("error", [errors.PromptLost("x"), errors.WorkerWedged("x", 60), errors.FileMissing("x")])
def test_a_server_goes_by_its_name_but_not_by_its_address(error: errors.ServerUnavailable) -> None:
    assert "fast" in trouble(error, "fast")
    assert trouble(error, "10.0.0.5:8188") == trouble(error, "comfy.farm") == trouble(error, "")
    assert "server" in trouble(error, "")
