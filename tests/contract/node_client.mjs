// @getbrevo/brevo against the sandbox: prints each difference, exits 1 if there is one. Takes the URL and the key.

import assert from "node:assert/strict";
import { BrevoClient } from "@getbrevo/brevo";

const EMAIL = "ada+x@portal.org";
const EXT_ID = "user/4711";
const HOOK = "https://portal.org/hook";
const [baseUrl, apiKey] = process.argv.slice(2);
const brevo = new BrevoClient({ baseUrl, apiKey, maxRetries: 0 });
const { contacts, webhooks } = brevo;

const has = (answer, ...names) => names.forEach((name) => assert.notEqual(answer[name], undefined, `no ${name}`));
const count = async (request) => (await contacts.getContacts(request)).count;

async function waitFor(processId) {
  const until = Date.now() + 10_000;
  while ((await brevo.process.getProcess({ processId })).status !== "completed") {
    assert(Date.now() < until, "the process does not end");
  }
}

async function account() {
  has(await brevo.account.getAccount(), "organization_id", "email", "companyName", "plan");
  has(await contacts.getAttributes(), "attributes");
}

async function contact() {
  const attributes = { FIRSTNAME: "Ada" };
  const { id } = await contacts.createContact({ email: EMAIL, ext_id: EXT_ID, attributes, listIds: [3] });
  const found = [
    await contacts.getContactInfo({ identifier: id }),
    await contacts.getContactInfo({ identifier: EMAIL, identifierType: "email_id" }),
    await contacts.getContactInfo({ identifier: EXT_ID, identifierType: "ext_id" }),
  ];
  found.forEach((each) => assert.equal(each.id, id));
  found.forEach((each) => has(each, "emailBlacklisted", "smsBlacklisted", "whatsappBlacklisted", "statistics"));
  await contacts.updateContact({ identifier: id, attributes: { FIRSTNAME: "Augusta", VIP: true }, listIds: [5] });
  assert.deepEqual((await contacts.getContactInfo({ identifier: id })).listIds, [3, 5]);
  await contacts.createContact({ email: EMAIL, attributes: { LASTNAME: "King" }, updateEnabled: true });
}

async function lists() {
  const added = await contacts.addContactToList({ listId: 7, body: { extIds: [EXT_ID] } });
  assert.deepEqual(added.contacts.success, [EXT_ID]);
  await contacts.addContactToList({ listId: 8, body: { emails: [EMAIL] } });
  await contacts.addContactToList({ listId: 9, body: { ids: [1] } });
  await contacts.removeContactFromList({ listId: 8, body: { emails: [EMAIL] } });
  const emptied = await contacts.removeContactFromList({ listId: 9, body: { all: true } });
  assert.equal(emptied.contacts.total, 1);
  await waitFor(emptied.contacts.processId);
  assert.equal((await contacts.getContactsFromList({ listId: 7, limit: 10 })).count, 1);
  assert.equal((await contacts.getContactsFromList({ listId: 9 })).count, 0);
  const { id } = await contacts.createList({ name: "new", folderId: 1 });
  await contacts.updateList({ listId: id, name: "newer" });
  assert.equal((await contacts.getList({ listId: id })).name, "newer");
  has(await contacts.getLists({ limit: 50 }), "lists", "count");
  await contacts.deleteList({ listId: id });
}

async function folders() {
  const { id } = await contacts.createFolder({ name: "Papers" });
  await contacts.updateFolder({ folderId: id, body: { name: "News" } });
  assert.equal((await contacts.getFolder({ folderId: id })).name, "News");
  has(await contacts.getFolderLists({ folderId: 1 }), "lists", "count");
  has(await contacts.getFolders({ limit: 10, offset: 0 }), "folders", "count");
  await contacts.deleteFolder({ folderId: id });
  has(await contacts.getSegments({ limit: 10, offset: 0 }), "segments", "count");
}

async function imports() {
  const jsonBody = [0, 1, 2].map((number) => ({ email: `i${number}@portal.org` }));
  const { processId } = await contacts.importContacts({ jsonBody, listIds: [4], disableNotification: true });
  await waitFor(processId);
  has(await brevo.process.getProcesses({ limit: 10, offset: 0 }), "processes", "count");
}

async function search() {
  const page = await contacts.getContacts({ limit: 2, offset: 1, sort: "asc" });
  assert.deepEqual([page.contacts.length, page.count], [2, 4]);
  assert.equal(await count({ ids: [1, 2] }), 2);
  assert.equal(await count({ ids: 1 }), 1);
  assert.equal(await count({ listIds: [4, 5] }), 4);
  assert.equal(await count({ filter: "equals(VIP,true)" }), 1);
  assert.equal(await count({ filter: 'equals(FIRSTNAME,"Augusta")' }), 1);
  assert.equal(await count({ modifiedSince: "2020-01-01T00:00:00.000Z" }), 4);
}

async function hooks() {
  const wanted = [
    { url: HOOK, type: "marketing", events: ["unsubscribed", "contactDeleted"] },
    { url: HOOK, channel: "sms", events: ["reply"] },
    { url: HOOK, type: "inbound", events: ["inboundEmailProcessed"], domain: "portal.org" },
  ];
  for (const each of wanted) {
    const { id } = await webhooks.createWebhook(each);
    await webhooks.updateWebhook({ webhookId: id, description: "ours" });
    assert.equal((await webhooks.getWebhook({ webhookId: id })).description, "ours");
  }
  for (const type of ["marketing", "transactional", "inbound"]) {
    assert.equal((await webhooks.getWebhooks({ type, sort: "asc" })).webhooks.length, 1);
  }
  await webhooks.deleteWebhook({ webhookId: 1 });
}

async function deletion() {
  await contacts.deleteContact({ identifier: EXT_ID, identifierType: "ext_id" });
  assert.equal(await count({}), 3);
}

for (const step of [account, contact, lists, folders, imports, search, hooks, deletion]) {
  try {
    await step();
  } catch (error) {
    const line = /node_client\.mjs:(\d+)/.exec(error.stack)?.[1] ?? "?";
    const told = String(error.message).replaceAll(/\s+/g, " ").slice(0, 300);
    console.log(`${step.name}, line ${line}: ${error.name}: ${told}`);
    process.exitCode = 1;
  }
}
