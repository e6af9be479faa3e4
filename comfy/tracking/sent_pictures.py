"""Pictures that nodes send over the websocket as results, told from previews by the node that is being executed."""

from __future__ import annotations

from dataclasses import replace

from comfy.messages.events import Executing, ExecutionSuccess, Message, PictureSent, ProgressState
from comfy.messages.previews import Preview
from comfy.prompt import Prompt

#: Nodes whose results are in no history: a server sends each picture once, and only over the prompt's own connection.
SENDERS = ("SaveImageWebsocket",)


def senders_of(prompt: Prompt) -> frozenset[str]:
    """Return the ids of the nodes that send their results."""
    return frozenset(node.id for node in prompt.of_class(*SENDERS))


class SentPictures:
    """The pictures of one prompt. `nodes` are those that send."""

    def __init__(self, nodes: frozenset[str]) -> None:
        self.nodes = nodes
        self._running: str | None = None
        self._heard = set[str]()  # nodes of which every picture has come
        self._dropped = False

    @property
    def are_awaited(self) -> bool:
        """True as long as pictures may still come."""
        return not self._dropped and self._heard != self.nodes

    def sort(self, message: Message) -> Message:
        """Return the message, or in place of a preview the picture that it is."""
        match message:
            case Executing(node=node):
                self._heard |= self.nodes & {self._running}
                self._running = node
            case ProgressState(nodes=nodes):
                self._heard |= self.nodes & {each.node_id for each in nodes if each.state == "finished"}
            case Preview(prompt_id, node, "image/png", data):
                node = self._running if node is None else node
                if node in self.nodes and node is not None:
                    return PictureSent(prompt_id, node, data)
        return message

    def drop(self) -> None:
        """Messages were thrown away, and pictures may be among them."""
        self._dropped = True

    def close(self, end: ExecutionSuccess, *, to_the_end: bool) -> ExecutionSuccess:
        """Add to the end which nodes' pictures have all come: of a connection that was heard to the end, all."""
        if self._dropped:
            return end
        return replace(end, sent=tuple(sorted(self.nodes if to_the_end else self._heard)))
