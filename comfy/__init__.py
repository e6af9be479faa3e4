"""A ComfyUI client for Python, for a server's HTTP routes and its websocket, with typed events and errors.

async with ComfyClient("http://127.0.0.1:8188") as comfy:
    photo = await comfy.upload_image(Path("cat.jpg"))
    prompt = Prompt.load("workflow.json").with_input("1", "image", photo.input_value)
    submission = await comfy.submit(prompt)
    async for event in comfy.follow(submission.prompt_id):
        print(event)
    record = await comfy.collect(submission.prompt_id)
    for output in record.files:
        await comfy.download(output.file, Path(output.file.filename))
"""

from comfy.client import ComfyClient
from comfy.errors import (
    AnswerTooLarge,
    CertificateRefused,
    ComfyError,
    ExecutionFailed,
    FileMissing,
    FileRefused,
    Garbled,
    HistoryCleared,
    NodeError,
    PicturesLost,
    PromptInterrupted,
    PromptLost,
    PromptRejected,
    PromptRemoved,
    Redirected,
    ServerUnavailable,
    TimeLimitReached,
    TooLarge,
    UnexpectedAnswer,
    UploadFailed,
    WebPage,
    WorkerWedged,
    WrongScheme,
)
from comfy.http import Download, Queue, Submission, SystemStats
from comfy.messages.events import Event
from comfy.messages.files import FileRef, Kind
from comfy.messages.history import FileOutput, Output, Record, TextOutput
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt
from comfy.server import PromptLimits, Server

__all__ = [
    "AnswerTooLarge",
    "CertificateRefused",
    "ComfyClient",
    "ComfyError",
    "Download",
    "Event",
    "ExecutionFailed",
    "FileMissing",
    "FileOutput",
    "FileRef",
    "FileRefused",
    "Garbled",
    "HistoryCleared",
    "Kind",
    "Node",
    "NodeError",
    "ObjectInfo",
    "Output",
    "PicturesLost",
    "Prompt",
    "PromptInterrupted",
    "PromptLimits",
    "PromptLost",
    "PromptRejected",
    "PromptRemoved",
    "Queue",
    "Record",
    "Redirected",
    "Server",
    "ServerUnavailable",
    "Submission",
    "SystemStats",
    "TextOutput",
    "TimeLimitReached",
    "TooLarge",
    "UnexpectedAnswer",
    "UploadFailed",
    "WebPage",
    "WorkerWedged",
    "WrongScheme",
]
