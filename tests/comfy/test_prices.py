"""What nodes of partners cost, by what their definitions declare; and the key that pays for them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bot.core.errors import WorkerDied
from bot.core.pool.pool import WorkerPool
from comfy import prices
from comfy.client import ComfyClient
from comfy.embedded import EmbeddedServer
from comfy.errors import ExecutionFailed, ServerUnavailable
from comfy.object_info import ObjectInfo
from comfy.prices import Price
from comfy.prompt import Prompt
from comfy.server import Server
from tests.comfy.unruly import GRAPH, Unruly
from tests.partner import EXPRESSION, KEY, Partner, graph

_PER_RUN = {"type": "usd", "usd": 0.1, "format": {"suffix": "/Run"}}


def _info(expression: str = EXPRESSION, **changes: Any) -> ObjectInfo:
    declared = {
        "input": {
            "required": {"text": ["STRING", {}], "size": [["small", "large"], {}], "seconds": ["INT", {"default": 5}]},
            "optional": {"image": ["IMAGE", {}], "more.one": ["IMAGE", {}], "more.two": ["IMAGE", {}]},
        },
        "output": ["IMAGE"],
        "output_is_list": [False],
        "api_node": True,
        "price_badge": {
            "engine": "jsonata",
            "expr": expression,
            "depends_on": {
                "widgets": [{"name": "size", "type": "COMBO"}, {"name": "seconds", "type": "INT"}],
                "inputs": ["image"],
                "input_groups": ["more"],
            },
        },
    }
    free = {"input": {"required": {}}, "output": ["IMAGE"], "output_is_list": [False]}
    return ObjectInfo(
        {
            "Paid": {**declared, **changes},
            "Free": free,
            "Listed": {**free, "output_is_list": [True]},
            "PrimitiveInt": free,
        }
    )


def _price(info: ObjectInfo, inputs: dict[str, Any], **others: Any) -> Price | None:
    prompt = Prompt({"1": {"class_type": "Paid", "inputs": inputs}, **others})
    asked = prices.questions(prompt, info)
    return prices.total(prices.evaluate(asked)) if asked is not None else None


def _node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


@pytest.mark.parametrize(
    ("answer", "price"),
    [
        ({"type": "usd", "usd": 0.1}, Price(21.1, 21.1)),
        (_PER_RUN, Price(21.1, 21.1)),
        ({"type": "range_usd", "min_usd": 0.1, "max_usd": 0.2}, Price(21.1, 42.2)),
        ({"type": "list_usd", "usd": [0.2, 0.1]}, Price(21.1, 42.2)),
        ({"type": "text", "text": "Free"}, Price(0, 0)),
        ({"type": "usd", "usd": 0.1, "format": {"suffix": "/second"}}, None),
        ({"type": "usd", "usd": 0.1, "format": {"suffix": " x images/Run"}}, None),
        ({"type": "usd", "usd": -0.1}, None),
        ({"type": "usd", "usd": True}, None),
        ({"type": "list_usd", "usd": []}, None),
        ({"type": "text", "text": "it depends"}, None),
        ("cheap", None),
    ],
)
def test_a_price_is_read_as_a_range(answer: Any, price: Price | None) -> None:
    found = _price(_info(json.dumps(answer)), {})
    assert found == (price if price is None else Price(pytest.approx(price.low), pytest.approx(price.high)))


def test_an_expression_is_asked_as_the_editor_asks_it() -> None:
    info = _info(
        '{"type": "usd", "usd": (widgets.size = "large" ? 1 : 2) * widgets.seconds'
        ' + (inputs.image.connected ? 100 : 0) + $lookup(inputGroups, "more") * 1000}'
    )
    others = {"2": _node("Free")}
    links = {"image": ["2", 0], "more.one": ["2", 0], "more.two": ["2", 0]}
    assert _price(info, {"size": " Large ", "seconds": 3, **links}, **others) == Price(2103 * 211, 2103 * 211)
    assert _price(info, {"size": "small"}) == Price(10 * 211, 10 * 211)  # what is left out has its default
    assert _price(info, {"size": "small", "seconds": ["2", 0]}, **{"2": _node("PrimitiveInt", value=4)}) == Price(
        8 * 211, 8 * 211
    )


def test_a_price_that_only_the_run_knows_is_no_price() -> None:
    info = _info()
    assert _price(info, {}) is not None
    assert _price(info, {"seconds": ["2", 0]}, **{"2": _node("Free")}) is None
    loop = {"2": _node("PrimitiveInt", value=["3", 0]), "3": _node("PrimitiveInt", value=["2", 0])}
    assert _price(info, {"seconds": ["2", 0]}, **loop) is None
    assert _price(info, {"image": ["2", 0]}, **{"2": _node("Listed")}) is None  # it runs for each in the list
    assert _price(info, {"image": ["2", 0]}, **{"2": _node("Free", image=["3", 0]), "3": _node("Listed")}) is None
    assert _price(_info(is_input_list=True), {"image": ["2", 0]}, **{"2": _node("Listed")}) is not None
    assert _price(_info(price_badge=None), {}) is None
    assert _price(_info(price_badge={"engine": "python", "expr": "1"}), {}) is None


def test_a_prompt_costs_what_all_its_nodes_cost() -> None:
    both = {"2": _node("Paid", size="large"), "3": _node("Free")}
    assert _price(_info(), {"size": "small"}, **both) == Price(pytest.approx(0.3 * 211), pytest.approx(0.3 * 211))
    assert prices.questions(Prompt({"3": _node("Free")}), _info()) == []


def test_a_class_is_paid_if_it_is_so_on_any_server() -> None:
    free = ObjectInfo({"Paid": {"input": {}, "output": []}})
    union = ObjectInfo.union([free, _info()])
    assert [each.is_paid("Paid") for each in (free, _info(), union)] == [False, True, True]
    assert (union.is_paid("Free"), union.is_paid("Unheard")) == (False, None)


def test_a_server_with_other_prices_has_other_nodes() -> None:
    assert not _info().is_same(_info('{"type": "usd", "usd": 9}'))
    assert not _info().is_same(_info(api_node=False))


@pytest.mark.parametrize(
    "expression", ["( $f := function($n){ $f($n + 1) }; $f(0) )", '$match("' + "a" * 60 + 'c", /(a+)+b/)']
)
@pytest.mark.long
async def test_an_expression_without_end_costs_its_process_alone(expression: str) -> None:
    pool = WorkerPool(1, 256 << 20)
    try:
        with pytest.raises(WorkerDied):
            await pool.run(prices.evaluate, [(expression, {})], timeout=60.0)
        assert await pool.run(prices.evaluate, [(EXPRESSION, {"widgets": {}})], timeout=60.0) == [(0.1, 0.1)]
    finally:
        pool.close()


async def test_the_key_goes_with_paid_prompts_alone_and_is_in_no_history() -> None:
    partner = Partner()
    async with (
        EmbeddedServer(nodes=partner.nodes()) as server,
        ComfyClient(Server(server.url, account_key=KEY)) as client,
    ):
        assert KEY not in repr(client.server)
        free = await client.submit(Prompt(graph()), paid=False)
        with pytest.raises(ExecutionFailed, match="Unauthorized"):
            [event async for event in client.follow(free.prompt_id)]
        paid = await client.submit(Prompt(graph()), paid=True)
        assert [event async for event in client.follow(paid.prompt_id)]
        assert partner.charged == ["a fox"]
        for path in ("history", "queue", "api/jobs", f"api/jobs/{paid.prompt_id}"):
            async with client._http._answer("GET", path) as answer:
                assert KEY not in await answer.text()


@pytest.mark.parametrize(("paid", "posts"), [(True, 1), (False, 2)])
async def test_a_paid_prompt_whose_answer_is_lost_is_not_posted_again(paid: bool, posts: int) -> None:
    async with Unruly() as server:
        taken: list[str] = []

        async def lose(request: Any) -> Any:
            if request.path == "/prompt":
                taken.append(request.path)
                if len(taken) == 1:
                    request.transport.abort()
                    await asyncio.Event().wait()
            return None

        server.intercept = lose
        async with ComfyClient(Server(server.url, gone_after=0.5)) as client:
            if paid:
                with pytest.raises(ServerUnavailable):
                    await client.submit(Prompt(GRAPH), paid=True)
            else:
                await client.submit(Prompt(GRAPH))
    assert len(taken) == posts
