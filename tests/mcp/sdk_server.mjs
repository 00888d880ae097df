// A server made with the protocol's own SDK, over its standard input and output or over HTTP.
//   node sdk_server.mjs NPM_FOLDER stdio|json|events
// Over HTTP it prints its port first.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [folder, how] = process.argv.slice(2);
const load = createRequire(folder + "/");
const { McpServer } = load("@modelcontextprotocol/sdk/server/mcp.js");
const { StdioServerTransport } = load("@modelcontextprotocol/sdk/server/stdio.js");
const { StreamableHTTPServerTransport } = load("@modelcontextprotocol/sdk/server/streamableHttp.js");
const { z } = load("zod");

let cancelled = 0;

function makeServer() {
  const server = new McpServer({ name: "made with the SDK", version: "1.0.0" }, { instructions: "Use with care." });
  server.registerTool(
    "add",
    {
      description: "Adds two numbers.",
      inputSchema: { a: z.number(), b: z.number() },
      outputSchema: { sum: z.number() },
    },
    async ({ a, b }) => ({
      content: [{ type: "text", text: String(a + b) }],
      structuredContent: { sum: a + b },
    }),
  );
  server.registerTool("fail", { description: "Fails." }, async () => {
    throw new Error("it cannot be done");
  });
  server.registerTool("picture", { description: "Draws." }, async () => ({
    content: [
      {
        type: "image",
        mimeType: "image/png",
        data: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
      },
    ],
  }));
  server.registerTool("wait", { description: "Waits to be cancelled." }, async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    cancelled += 1;
    return { content: [] };
  });
  server.registerTool("cancelled", { description: "Counts." }, async () => ({
    content: [{ type: "text", text: String(cancelled) }],
  }));
  server.registerTool("grow", { description: "Adds a tool." }, async () => {
    server.registerTool("grown", { description: "A new one." }, async () => ({ content: [] }));
    return { content: [{ type: "text", text: "grown" }] };
  });
  return server;
}

if (how === "stdio") {
  console.error("listening on stdio");
  await makeServer().connect(new StdioServerTransport());
} else {
  const sessions = new Map();
  const listener = createServer(async (request, response) => {
    if (request.url === "/forget") {
      sessions.clear();
      return response.end();
    }
    const id = request.headers["mcp-session-id"];
    let transport = sessions.get(id);
    if (id && !transport) {
      response.statusCode = 404;
      return response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32001, message: "no session" } }));
    }
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        enableJsonResponse: how === "json",
        onsessioninitialized: (made) => sessions.set(made, transport),
        onsessionclosed: (closed) => sessions.delete(closed),
      });
      await makeServer().connect(transport);
    }
    await transport.handleRequest(request, response);
  });
  listener.listen(0, "127.0.0.1", () => console.log(listener.address().port));
}
