"""A node of a partner, which costs money: it declares its price, and works only with the key of the account."""

from __future__ import annotations

from typing import Any

from comfy.embedded.node import Host, NodeType

KEY = "comfyui-0123456789abcdef-never-to-be-seen"
EXPRESSION = '{"type": "usd", "usd": widgets.size = "large" ? 0.2 : 0.1}'
RANGE = '{"type": "range_usd", "min_usd": 0.1, "max_usd": 0.3, "format": {"approximate": true}}'
BY_SECOND = '{"type": "usd", "usd": 0.05, "format": {"suffix": "/second"}}'


class Partner:
    """`charged` are the prompts that have been paid for, each by its text."""

    def __init__(self, expression: str = EXPRESSION) -> None:
        self.charged: list[str] = []
        self.expression = expression

    def nodes(self) -> dict[str, NodeType]:
        """Return the node `PartnerImage`."""
        from comfy.embedded.nodes.transform import empty_image

        def draw(host: Host, text: str, size: str = "small") -> Any:
            if host.account_key != KEY:
                raise PermissionError("Unauthorized: Please login first to use this node.")
            self.charged.append(text)
            return empty_image(16, 16, 1, 0)

        inputs: dict[str, Any] = {"text": ("STRING", {}), "size": (["small", "large"], {"default": "small"})}
        wants, badge = frozenset({"host"}), (self.expression, {"size": "COMBO"})
        node = NodeType(
            "PartnerImage",
            "Partner Image",
            "api",
            draw,
            {"text": inputs["text"]},
            {"size": inputs["size"]},
            {},
            (("IMAGE", "IMAGE"),),
            wants=wants,
            module="comfy_api_nodes.nodes_partner",
            api_node=True,
            price_badge=badge,
        )
        return {"PartnerImage": node}


def graph(text: str = "a fox") -> dict[str, Any]:
    """A graph with that node."""
    return {
        "1": {"class_type": "PartnerImage", "inputs": {"text": text, "size": "small"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
