// Deliveries on standard input, one JSON list of {url, kind, secret, body, headers}: each is signed as its vendor signs,
// with the vendor's own package where there is one, and posted. Prints the list of statuses.
import { createHmac } from "node:crypto";
import { sign as signMeta } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";

const mac = (algorithm, secret, text, form) => createHmac(algorithm, secret).update(text, "utf8").digest(form);
const now = () => Math.floor(Date.now() / 1000);

const SIGNERS = {
  shopify: ({ secret, body }) => ({ "X-Shopify-Hmac-SHA256": mac("sha256", secret, body, "base64") }),
  woocommerce: ({ secret, body }) => ({ "X-WC-Webhook-Signature": mac("sha256", secret, body, "base64") }),
  stripe: ({ secret, body }) => ({
    "Stripe-Signature": new Stripe("sk_test_x").webhooks.generateTestHeaderString({ payload: body, secret }),
  }),
  intercom: ({ secret, body }) => ({ "X-Hub-Signature": `sha1=${mac("sha1", secret, body, "hex")}` }),
  zendesk: ({ secret, body }) => {
    const stamp = new Date().toISOString().replace(/\.\d+/, "");
    return {
      "X-Zendesk-Webhook-Signature": mac("sha256", secret, stamp + body, "base64"),
      "X-Zendesk-Webhook-Signature-Timestamp": stamp,
    };
  },
  chatwoot: ({ secret, body }) => {
    const stamp = now();
    return { "X-Chatwoot-Signature": `sha256=${mac("sha256", secret, `${stamp}.${body}`, "hex")}`, "X-Chatwoot-Timestamp": `${stamp}` };
  },
  crisp: ({ secret, body }) => {
    const stamp = Date.now();
    return { "X-Crisp-Signature": mac("sha256", secret, `[${stamp};${body}]`, "hex"), "X-Crisp-Request-Timestamp": `${stamp}` };
  },
  meta: async ({ secret, body }) => ({ "X-Hub-Signature-256": await signMeta(secret, body) }),
  x: ({ secret, body }) => ({ "x-twitter-webhooks-signature": `sha256=${mac("sha256", secret, body, "base64")}` }),
  generic: ({ secret, body }) => {
    const at = new Date();
    const signature = new Webhook(secret).sign("msg_1", at, body);
    return { "webhook-id": "msg_1", "webhook-timestamp": `${Math.floor(at / 1000)}`, "webhook-signature": signature };
  },
};

let text = "";
for await (const chunk of process.stdin) text += chunk;
const statuses = [];
for (const delivery of JSON.parse(text)) {
  const signed = delivery.kind in SIGNERS ? await SIGNERS[delivery.kind](delivery) : {};
  const headers = { "content-type": "application/json", ...signed, ...delivery.headers };
  const answer = await fetch(delivery.url, { method: "POST", body: delivery.sent ?? delivery.body, headers });
  await answer.text();
  statuses.push(answer.status);
}
console.log(JSON.stringify(statuses));
