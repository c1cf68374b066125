/** What an http agent has to answer is published as JSON Schema; it is the very schema that replies are read by. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { agentReply, agentReplySchema } from '../../src/controller/agent-http.ts';

test('manifests/agent.schema.json is the schema of src/controller/agent-http.ts', () => {
  const published = JSON.parse(readFileSync('manifests/agent.schema.json', 'utf8')) as unknown;
  assert.deepEqual(published, agentReplySchema());
});

test('the reply of the contract is read', () => {
  const text =
    '{"interfaces":[{"name":"com.foo.UserService","version":"1.0.0","group":"gray","protocol":"dubbo","port":20880}]}';
  assert.deepEqual(agentReply.parse(JSON.parse(text)).interfaces[0]?.port, 20880);
});
