// Ask the sandbox through the SDK that hey-api made: `asks.js FOLDER BASE_URL API_ID API_TOKEN`.
const [folder, baseUrl, id, token] = process.argv.slice(2);
const sdk = require(`${folder}/index.js`);
const { client } = require(`${folder}/client.gen.js`);
const authorization = `Basic ${Buffer.from(`${id}:${token}`).toString("base64")}`;
client.setConfig({ baseUrl, headers: { authorization }, throwOnError: true });

(async () => {
  const page = (await sdk.listCalls({ query: { order: "desc", per_page: 1 } })).data;
  const call = (await sdk.getCall({ path: { id: page.calls[0].id } })).data.call;
  await sdk.addCallComment({ path: { id: call.id }, body: { content: "From TypeScript" } });
  const after = (await sdk.getCall({ path: { id: call.id } })).data.call;
  console.log(JSON.stringify({ total: page.meta.total, comments: after.comments.map((one) => one.content) }));
})();
