"""Routes for prompts: queue, list and stop them."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aiohttp import web

from comfy.embedded.folders import Folders, PromptHost
from comfy.embedded.jobs import EngineJob, EngineJobs
from comfy.embedded.node import NodeType
from comfy.embedded.validation import fault, is_prompt_id, validate

_STATES = ("pending", "in_progress", "completed", "failed", "cancelled")
_MEDIA = ("images", "gifs", "video", "audio", "3d", "text")


class PromptRoutes:
    def __init__(self, jobs: EngineJobs, nodes: Mapping[str, NodeType], folders: Folders) -> None:
        self._jobs, self._nodes, self._folders = jobs, nodes, folders

    def table(self) -> list[web.RouteDef]:
        return [
            web.get("/prompt", self.exec_info),
            web.post("/prompt", self.submit),
            web.get("/queue", self.queue),
            web.post("/queue", self.change_queue),
            web.post("/interrupt", self.interrupt),
            web.get("/history", self.histories),
            web.post("/history", self.change_history),
            web.get("/history/{id}", self.history),
        ]

    def jobs_table(self) -> list[web.RouteDef]:
        return [
            web.get("/api/jobs", self.list_jobs),
            web.post("/api/jobs/cancel", self.cancel_jobs),
            web.get("/api/jobs/{id}", self.job),
            web.post("/api/jobs/{id}/cancel", self.cancel_job),
        ]

    async def exec_info(self, _: web.Request) -> web.Response:
        return web.json_response({"exec_info": {"queue_remaining": self._jobs.remaining}})

    async def submit(self, request: web.Request) -> web.Response:
        body = await _json(request)
        if "prompt" not in body:
            return _refused(fault("no_prompt", "No prompt provided", "No prompt provided"))
        prompt_id = body.get("prompt_id")
        if prompt_id is not None and not is_prompt_id(prompt_id):
            details = "prompt_id must be a UUID string in canonical lowercase hyphenated form; "
            details += "omit it to let the server generate one"
            return _refused(fault("invalid_prompt_id", "prompt_id must be a valid UUID", details))
        graph = copy.deepcopy(body["prompt"])
        _must_be_sane(graph)
        number = self._number(body)
        extra_data = dict(body.get("extra_data", {}))
        host = PromptHost(self._folders)
        verdict = await asyncio.to_thread(validate, graph, self._nodes, host, body.get("partial_execution_targets"))
        if verdict.error is not None:
            return _refused(verdict.error, verdict.node_errors)
        if "client_id" in body:
            extra_data["client_id"] = body["client_id"]
        extra_data["create_time"] = int(time.time() * 1000)
        job = EngineJob(number, prompt_id or str(uuid4()), graph, extra_data, verdict.outputs)
        self._jobs.put(job)
        return web.json_response({"prompt_id": job.prompt_id, "number": number, "node_errors": verdict.node_errors})

    def _number(self, body: Mapping[str, Any]) -> float:
        if "number" in body:
            return float(body["number"])
        counted = self._jobs.next_number()
        return -counted if body.get("front") else counted

    async def queue(self, _: web.Request) -> web.Response:
        running = [self._jobs.running.as_item()] if self._jobs.running else []
        waiting = [job.as_item() for job in self._jobs.pending]
        return web.json_response({"queue_running": running, "queue_pending": waiting})

    async def change_queue(self, request: web.Request) -> web.Response:
        body = await _json(request)
        if body.get("clear"):
            self._jobs.clear()
        if "delete" in body:
            self._jobs.delete(body["delete"])
        return web.Response()

    async def interrupt(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.read())
        except ValueError:
            body = {}
        self._jobs.interrupt(body.get("prompt_id") or None)
        return web.Response()

    async def histories(self, request: web.Request) -> web.Response:
        entries = list(self._jobs.history.items())
        most, offset = request.query.get("max_items"), int(request.query.get("offset", -1))
        if most is not None:
            count = int(most)
            start = offset if offset >= 0 else max(len(entries) - count, 0)
            entries = entries[start : start + count] if count > 0 else []
        elif offset > 0:
            entries = entries[offset:]
        return web.json_response(dict(entries))

    async def history(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["id"]
        entry = self._jobs.history.get(prompt_id)
        return web.json_response({prompt_id: entry} if entry else {})

    async def change_history(self, request: web.Request) -> web.Response:
        body = await _json(request)
        if body.get("clear"):
            self._jobs.history.clear()
        if "inputs" in body:  # not ComfyUI's: with it, the files of the prompts are deleted too
            self._jobs.forget(body.get("delete", ()), body["inputs"])
            return web.Response()
        for prompt_id in body.get("delete", ()):
            self._jobs.history.pop(prompt_id, None)
        return web.Response()

    async def list_jobs(self, request: web.Request) -> web.Response:
        try:
            wanted = _Wanted.of(request.query)
        except ValueError as wrong:
            return _error(str(wrong))
        jobs = [job for job in self._all() if wanted.takes(job)]
        jobs.sort(key=wanted.place, reverse=wanted.newest_first)
        end = len(jobs) if wanted.limit is None else wanted.offset + wanted.limit
        pagination = {"offset": wanted.offset, "limit": wanted.limit, "total": len(jobs), "has_more": end < len(jobs)}
        return web.json_response({"jobs": jobs[wanted.offset : end], "pagination": pagination})

    async def job(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["id"]
        found = next((job for job in self._all() if job["id"] == prompt_id), None)
        if found is None:
            return _error("Job not found", 404)
        if (entry := self._jobs.history.get(prompt_id)) is not None:
            workflow = {"prompt": entry["prompt"][2], "extra_data": entry["prompt"][3]}
            found |= {"outputs": entry["outputs"], "execution_status": entry["status"], "workflow": workflow}
        return web.json_response(found)

    async def cancel_job(self, request: web.Request) -> web.Response:
        return web.json_response({"cancelled": self._cancel(request.match_info["id"])})

    async def cancel_jobs(self, request: web.Request) -> web.Response:
        try:
            ids = (await _json(request)).get("job_ids")
        except (ValueError, AttributeError):
            return _error("Request body must be valid JSON")
        invalid = [each for each in ids or () if not is_prompt_id(each)]
        if invalid:
            body = {"error": "job_ids contains invalid id(s)", "invalid_ids": invalid}
            return web.json_response(body, status=400)
        cancelled = [self._cancel(each) for each in ids or ()]
        return web.json_response({"cancelled": any(cancelled)})

    def _cancel(self, prompt_id: str) -> bool:
        return self._jobs.delete([prompt_id]) or self._jobs.interrupt(prompt_id)

    def _all(self) -> list[dict[str, Any]]:
        waiting = [_unfinished(job, "pending") for job in self._jobs.pending]
        running = [_unfinished(self._jobs.running, "in_progress")] if self._jobs.running else []
        return waiting + running + [_finished(*item) for item in self._jobs.history.items()]


@dataclass(frozen=True)
class _Wanted:
    """The query of a request to `/api/jobs`."""

    states: tuple[str, ...]
    workflow_id: str | None
    by_duration: bool
    newest_first: bool
    limit: int | None
    offset: int

    @classmethod
    def of(cls, query: Mapping[str, str]) -> _Wanted:
        """Read a query. Raises `ValueError` with the real server's message."""
        states = tuple(state.strip().lower() for state in query.get("status", "").split(",") if state.strip())
        if unknown := [state for state in states if state not in _STATES]:
            raise ValueError(f"Invalid status value(s): {', '.join(unknown)}. Valid values: {', '.join(_STATES)}")
        key, order = query.get("sort_by", "created_at").lower(), query.get("sort_order", "desc").lower()
        if key not in ("created_at", "execution_duration"):
            raise ValueError("sort_by must be 'created_at' or 'execution_duration'")
        if order not in ("asc", "desc"):
            raise ValueError("sort_order must be 'asc' or 'desc'")
        limit = _integer(query, "limit")
        if limit is not None and limit < 1:
            raise ValueError("limit must be a positive integer")
        offset = max(_integer(query, "offset") or 0, 0)
        return cls(states, query.get("workflow_id"), key == "execution_duration", order == "desc", limit, offset)

    def takes(self, job: Mapping[str, Any]) -> bool:
        named = self.workflow_id is None or job.get("workflow_id") == self.workflow_id
        return named and (not self.states or job["status"] in self.states)

    def place(self, job: Mapping[str, Any]) -> float:
        if self.by_duration:
            return float(job.get("execution_end_time", 0)) - float(job.get("execution_start_time", 0))
        return float(job.get("create_time", 0))


def _integer(query: Mapping[str, str], name: str) -> int | None:
    try:
        return int(query[name]) if name in query else None
    except ValueError:
        raise ValueError(f"{name} must be an integer") from None


def _unfinished(job: EngineJob, status: str) -> dict[str, Any]:
    return {
        "id": job.prompt_id,
        "status": status,
        "priority": job.number,
        "create_time": job.extra_data.get("create_time"),
        "outputs_count": 0,
        **_workflow_id(job.extra_data),
    }


def _workflow_id(extra_data: Mapping[str, Any]) -> dict[str, Any]:
    workflow = (extra_data.get("extra_pnginfo") or {}).get("workflow")
    workflow_id = workflow.get("id") if isinstance(workflow, dict) else None
    return {} if workflow_id is None else {"workflow_id": workflow_id}


def _finished(prompt_id: str, entry: dict[str, Any]) -> dict[str, Any]:
    messages = dict(entry["status"]["messages"])
    status = "completed" if entry["status"]["completed"] else "failed"
    if "execution_interrupted" in messages:
        status = "cancelled"
    end = messages.get("execution_success") or messages.get("execution_error") or messages.get("execution_interrupted")
    files = [
        {**value, "nodeId": node_id, "mediaType": key}
        for node_id, ui in entry["outputs"].items()
        for key, values in ui.items()
        if key in _MEDIA
        for value in values
        if isinstance(value, dict)
    ]
    summary = {
        "id": prompt_id,
        "status": status,
        "priority": entry["prompt"][0],
        "create_time": entry["prompt"][3].get("create_time"),
        "execution_start_time": messages.get("execution_start", {}).get("timestamp"),
        "execution_end_time": (end or {}).get("timestamp"),
        "execution_error": messages.get("execution_error"),
        "outputs_count": len(files),
        "previewable_outputs_count": len(files),
        "preview_output": next((file for file in reversed(files) if file.get("type") == "output"), None)
        or (files[0] if files else None),
        **_workflow_id(entry["prompt"][3]),
    }
    return {key: value for key, value in summary.items() if value is not None}


def _must_be_sane(graph: Any) -> None:
    """Reject a graph that gives a 500 on the real server or kills its worker. Here both give a 500."""
    for node in graph.values():
        if node.get("class_type") is not None and not isinstance(node["inputs"], dict):
            raise TypeError("inputs must be an object")


async def _json(request: web.Request) -> Any:
    return json.loads(await request.read())


def _refused(error: dict[str, Any], node_errors: Mapping[str, Any] | None = None) -> web.Response:
    return web.json_response({"error": error, "node_errors": node_errors or {}}, status=400)


def _error(text: str, status: int = 400) -> web.Response:
    return web.json_response({"error": text}, status=status)
