"""smolagents: an agent with the tools over MCP, from the server in a process of its own."""

import os

from mcp import StdioServerParameters
from smolagents import MCPClient, OpenAIModel, ToolCallingAgent


def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    command = ["serve", "--sandbox", "--toolsets", "workflows,calls,messages"]
    server = StdioServerParameters(command="aircall-mcp", args=command, env=dict(os.environ))
    patience = {"connect_timeout": 60, "client_session_timeout_seconds": 60}
    with MCPClient(server, patience, structured_output=False) as tools:
        for argument in (one for tool in tools for one in tool.inputs.values()):
            argument["nullable"] = True  # or every one is required; the server knows which are
        agent = ToolCallingAgent(tools, OpenAIModel("gpt-5.4"), stream_outputs=True)
        print(agent.run(task))


main()
