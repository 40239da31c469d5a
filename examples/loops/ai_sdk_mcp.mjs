// The AI SDK: a loop with the tools over MCP, from the server in a process of its own.

import { createMCPClient } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport as Stdio } from "@ai-sdk/mcp/mcp-stdio";
import { openai } from "@ai-sdk/openai";
import { isStepCount, streamText } from "ai";

const args = ["serve", "--sandbox", "--toolsets", "workflows,calls,messages"];
const transport = new Stdio({ command: "aircall-mcp", args, env: process.env });
const aircall = await createMCPClient({ transport });
try {
  const { textStream } = streamText({
    model: openai("gpt-5.4"),
    tools: await aircall.tools(),
    prompt: "Who called and was missed? Text the last one back.",
    stopWhen: isStepCount(20),
  });
  for await (const text of textStream) process.stdout.write(text);
} finally {
  await aircall.close();
}
