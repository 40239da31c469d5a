"""Graphs of LangGraph with one node, and what goes through them."""

from __future__ import annotations

from typing import Any

from aircall_mcp import Toolkit

Json = dict[str, Any]

NAME = "aircall_send_message"
YES, NO = (
    {"number_id": 88014, "to": "+14155550143", "body": body} for body in ("At nine.", "At ten.")
)
THREAD: Json = {"configurable": {"thread_id": "1"}}


def graph(view: Toolkit, *more: Any) -> Any:
    """One node, which performs all calls of a turn in one task."""
    from langgraph.prebuilt import ToolNode

    return of_one_node(ToolNode([*view.langchain(), *more]))


def of_one_node(node: Any) -> Any:
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import START, MessagesState, StateGraph

    graph: Any = StateGraph(MessagesState)
    graph.add_node("tools", node)
    graph.add_edge(START, "tools")
    return graph.compile(checkpointer=InMemorySaver())


def turn_of(*turn: Json) -> Json:
    from langchain_core.messages import AIMessage

    calls = [{"name": NAME, "args": args, "id": args["body"]} for args in turn]
    return {"messages": [AIMessage("", tool_calls=calls)]}
