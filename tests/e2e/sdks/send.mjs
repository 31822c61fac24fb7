// Says everything that a Node SDK can say, about one person: `node send.mjs <library> <url> <write key>`.
import { createRequire } from "node:module";

const [library, url, writeKey] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const failures = [];

function say(client) {
  const person = { userId: "u1", anonymousId: "a1" };
  client.identify({ ...person, traits: { email: " Jane.Doe@X.fr ", first_name: "Jane" } });
  client.track({ ...person, event: "Product Viewed", properties: { product_id: "sku-1", emoji: "👟" } });
  client.track({ ...person, event: "Order Completed", properties: { order_id: "1001", total: 70, currency: "EUR" } });
  client.page({ ...person, name: "Home", properties: { url: "https://shop.example/" } });
  client.screen({ ...person, name: "Start" });
  client.group({ ...person, groupId: "g1", traits: { name: "Acme", email: "office@acme.example" } });
  client.alias({ userId: "u1", previousId: "a0" });
}

if (library === "segment") {
  const { Analytics } = require("@segment/analytics-node");
  const client = new Analytics({ writeKey, host: url, flushAt: 100, maxRetries: 0 });
  client.on("error", (error) => failures.push(error));
  say(client);
  await client.closeAndFlush();
} else {
  const RudderAnalytics = require("@rudderstack/rudder-sdk-node");
  const client = new RudderAnalytics(writeKey, { dataPlaneUrl: url, flushAt: 100, maxRetries: 0, errorHandler: (error) => failures.push(error) });
  say(client);
  await client.flush();
}
if (failures.length) {
  console.error(failures);
  process.exit(1);
}
process.exit(0);
