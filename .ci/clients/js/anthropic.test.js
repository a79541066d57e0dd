import { test } from 'node:test';
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { recorded, anthropic, smartKey, counting, greeting, dialects, logical, weather, degrees } from './stage.js';

const hi = { max_tokens: 1000, messages: [{ role: 'user', content: 'Say hello.' }] };
const tools = [{ name: weather.name, description: weather.description, input_schema: weather.schema }];
const question = [{ role: 'user', content: 'How warm is it in Lisbon and in Oslo?' }];

for (const model of logical) {
  test(`${model} answers from recorded traffic`, async () => {
    const answer = await anthropic().messages.create({ model, ...hi });
    assert.equal(answer.model, model);
    assert.equal(answer.type, 'message');
    assert.ok(answer.content.length > 0 && answer.stop_reason);
    assert.ok(answer.usage.output_tokens > 0);
  });

  test(`${model} streams from recorded traffic`, async () => {
    const answer = await anthropic().messages.stream({ model, ...hi }).finalMessage();
    assert.equal(answer.model, model);
    assert.ok(answer.content.length > 0 && answer.stop_reason);
    assert.ok(answer.usage.output_tokens > 0);
  });
}

for (const dialect of dialects) {
  test(`a plain answer of a provider that speaks ${dialect}`, async () => {
    const answer = await anthropic().messages.create({ model: `hello-${dialect}`, ...hi });
    assert.deepEqual(answer.content.map(({ type, text }) => ({ type, text })), [{ type: 'text', text: greeting }]);
    assert.equal(answer.stop_reason, 'end_turn');
    assert.equal(answer.model, `hello-${dialect}`);
    assert.equal(answer.usage.input_tokens, 10);
    assert.ok(answer._request_id);
    assert.ok(!JSON.stringify(answer).includes('provider-model-name'));
  });

  test(`a streamed answer of a provider that speaks ${dialect}`, async () => {
    let text = '';
    const stream = anthropic().messages.stream({ model: `hello-${dialect}`, ...hi });
    stream.on('text', (piece) => { text += piece; });
    const answer = await stream.finalMessage();
    assert.equal(text, greeting);
    assert.equal(answer.content[0].text, greeting);
    assert.equal(answer.stop_reason, 'end_turn');
    assert.ok(answer.usage.output_tokens > 0);
  });

  for (const streamed of [false, true]) {
    test(`tools are called and their results read, ${streamed ? 'streamed' : 'plain'}, by ${dialect}`, async () => {
      const ask = async (messages) => {
        const body = { model: `tool-${dialect}`, max_tokens: 1000, messages, tools };
        return streamed ? anthropic().messages.stream(body).finalMessage() : anthropic().messages.create(body);
      };
      const called = await ask(question);
      assert.equal(called.stop_reason, 'tool_use');
      const calls = called.content.filter((block) => block.type === 'tool_use');
      assert.deepEqual(calls.map((c) => [c.name, c.input.city]), [['weather', 'Lisbon'], ['weather', 'Oslo']]);
      assert.notEqual(calls[0].id, calls[1].id);
      assert.ok(calls.every((c) => /^[A-Za-z0-9_-]{1,40}$/.test(c.id) && !c.id.includes('provider')));
      const results = calls.map((c) => ({ type: 'tool_result', tool_use_id: c.id, content: degrees[c.input.city] }));
      const last = await ask([...question, { role: 'assistant', content: called.content }, { role: 'user', content: results }]);
      assert.equal(last.content[0].text, '18 in Lisbon, 9 in Oslo.');
      assert.equal(last.stop_reason, 'end_turn');
    });
  }
}

test('a concrete model answers as it was recorded', async (t) => {
  let same = 0;
  const refusals = [];
  for (const { id, body, answer } of recorded('anthropic', 'messages', false)) {
    const got = await anthropic().messages.create({ ...body, model: `anthropic/${body.model}` }, { timeout: 60_000 }).catch((err) => err);
    if (got instanceof Anthropic.BadRequestError) {
      refusals.push(got.error.error.details.param); // what other callers own, or changes the price
      continue;
    }
    assert.deepEqual(JSON.parse(JSON.stringify(got)), answer, id);
    same++;
  }
  assert.deepEqual([...new Set(refusals)].sort(), ['container', 'file_id', 'server_tools']);
  assert.ok(same > 30);
  t.diagnostic(`${same} answers are the recorded ones, ${refusals.length} requests are refused for ${refusals}`);
});

test('a concrete model is served where the operator allows it', async () => {
  const answer = await anthropic().messages.create({ model: 'script-messages/hello', ...hi });
  assert.equal(answer.content[0].text, greeting);
  assert.equal(answer.model, 'provider-model-name');
});

test('the next provider answers when the first one is busy', async () => {
  const answer = await anthropic().messages.create({ model: 'saved', ...hi });
  assert.equal(answer.content[0].text, greeting);
});

async function refused(promise, type, status, errorType) {
  const err = await promise.then(() => assert.fail('it was answered'), (e) => e);
  assert.ok(err instanceof type, `${err.constructor.name}: ${err.message}`);
  assert.equal(err.status, status);
  assert.equal(err.error.error.type, errorType);
  assert.ok(err.requestID);
  return err;
}

const ask = (client, body) => client.messages.create({ model: 'hello-messages', ...hi, ...body });

test('a wrong key is an AuthenticationError', async () => {
  await refused(ask(anthropic('lh_this-is-no-key')), Anthropic.AuthenticationError, 401, 'authentication_error');
});
test('a model that nobody knows is a NotFoundError', async () => {
  await refused(ask(anthropic(), { model: 'no-such-model' }), Anthropic.NotFoundError, 404, 'not_found_error');
});
test('a model that the key may not use is refused', async () => {
  await refused(ask(anthropic(smartKey)), Anthropic.PermissionDeniedError, 403, 'permission_error');
});
test('what the provider finds wrong is a BadRequestError', async () => {
  await refused(ask(anthropic(), { model: 'wrong' }), Anthropic.BadRequestError, 400, 'invalid_request_error');
});
test('a body that is no request is a BadRequestError', async () => {
  await refused(ask(anthropic(), { messages: 'hello' }), Anthropic.BadRequestError, 400, 'invalid_request_error');
});
test('when all keys cool it is a RateLimitError with Retry-After, and not retried', async () => {
  const count = counting();
  await ask(anthropic(undefined, { maxRetries: 0 }), { model: 'busy' }).catch(() => {}); // now the only key cools
  const err = await refused(ask(anthropic(undefined, { fetch: count.fetch }), { model: 'busy' }), Anthropic.RateLimitError, 429, 'rate_limit_error');
  const after = Number(err.headers.get('retry-after'));
  assert.ok(after > 0 && after <= 78, `Retry-After is ${after}`);
  assert.equal(count.sent, 1);
});
test('a stream that breaks off does not look whole', async () => {
  await assert.rejects(anthropic().messages.stream({ model: 'cut', ...hi }).finalMessage(), Anthropic.APIError);
});

test('models are listed', async () => {
  const ids = [];
  for await (const m of anthropic().models.list()) ids.push(m.id);
  for (const want of [...logical, 'anthropic/claude-opus-4-8', 'script-messages/hello']) assert.ok(ids.includes(want), `${want} is not in ${ids}`);
  assert.equal((await anthropic().models.retrieve('smart')).display_name, 'smart');
});
