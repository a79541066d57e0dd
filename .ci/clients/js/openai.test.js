import { test } from 'node:test';
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { recorded, openai, smartKey, openKey, counting, greeting, dialects, logical, weather, degrees } from './stage.js';

const hi = [{ role: 'user', content: 'Say hello.' }];
const tools = [{ type: 'function', function: { name: weather.name, description: weather.description, parameters: weather.schema } }];
const question = [{ role: 'user', content: 'How warm is it in Lisbon and in Oslo?' }];

for (const model of logical) {
  test(`${model} answers from recorded traffic`, async () => {
    const answer = await openai().chat.completions.create({ model, messages: hi });
    assert.equal(answer.model, model);
    assert.equal(answer.object, 'chat.completion');
    assert.equal(answer.choices[0].message.role, 'assistant');
    const { content, refusal, tool_calls } = answer.choices[0].message;
    assert.ok(content || refusal || tool_calls?.length);
    assert.ok(answer.usage.prompt_tokens > 0 && answer.usage.completion_tokens > 0);
  });

  test(`${model} streams from recorded traffic`, async () => {
    const stream = openai().chat.completions.stream({ model, messages: hi, stream_options: { include_usage: true } });
    const answer = await stream.finalChatCompletion();
    assert.equal(answer.model, model);
    assert.ok(answer.choices[0].finish_reason);
    assert.ok(answer.usage.total_tokens > 0);
  });
}

for (const dialect of dialects) {
  test(`a plain answer of a provider that speaks ${dialect}`, async () => {
    const answer = await openai().chat.completions.create({ model: `hello-${dialect}`, messages: hi });
    assert.equal(answer.choices[0].message.content, greeting);
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.equal(answer.model, `hello-${dialect}`);
    assert.equal(answer.usage.prompt_tokens, 10);
    assert.ok(answer._request_id);
    assert.ok(!JSON.stringify(answer).includes('provider-model-name'));
  });

  test(`a streamed answer of a provider that speaks ${dialect}`, async () => {
    let text = '';
    const stream = openai().chat.completions.stream({ model: `hello-${dialect}`, messages: hi, stream_options: { include_usage: true } });
    stream.on('content', (piece) => { text += piece; });
    const answer = await stream.finalChatCompletion();
    assert.equal(text, greeting);
    assert.equal(answer.choices[0].message.content, greeting);
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.equal(answer.usage.prompt_tokens, 10);
  });

  test(`usage does not come in a stream that did not ask for it, from ${dialect}`, async () => {
    for await (const chunk of await openai().chat.completions.create({ model: `hello-${dialect}`, messages: hi, stream: true })) {
      assert.ok(!chunk.usage);
      assert.equal(chunk.choices.length, 1);
    }
  });

  for (const streamed of [false, true]) {
    test(`tools are called and their results read, ${streamed ? 'streamed' : 'plain'}, by ${dialect}`, async () => {
      const ask = async (messages) => {
        const body = { model: `tool-${dialect}`, messages, tools };
        return streamed ? openai().chat.completions.stream(body).finalChatCompletion() : openai().chat.completions.create(body);
      };
      const { choices: [{ message, finish_reason }] } = await ask(question);
      assert.equal(finish_reason, 'tool_calls');
      assert.deepEqual(message.tool_calls.map((c) => JSON.parse(c.function.arguments).city), ['Lisbon', 'Oslo']);
      assert.ok(message.tool_calls.every((c) => c.function.name === 'weather' && /^[A-Za-z0-9_-]{1,40}$/.test(c.id)));
      assert.notEqual(message.tool_calls[0].id, message.tool_calls[1].id);
      assert.ok(!message.tool_calls[0].id.includes('provider'));
      const results = message.tool_calls.map((c) => ({ role: 'tool', tool_call_id: c.id, content: degrees[JSON.parse(c.function.arguments).city] }));
      const said = { role: 'assistant', content: message.content, tool_calls: message.tool_calls.map(({ id, type, function: { name, arguments: args } }) => ({ id, type, function: { name, arguments: args } })) };
      const last = await ask([...question, said, ...results]);
      assert.equal(last.choices[0].message.content, '18 in Lisbon, 9 in Oslo.');
      assert.equal(last.choices[0].finish_reason, 'stop');
    });
  }
}

test('a concrete model answers as it was recorded', async (t) => {
  let same = 0;
  for (const { id, body, answer } of recorded('openai', 'chat', false)) {
    const got = openai().chat.completions.create({ ...body, model: `openai/${body.model}` });
    if (body.web_search_options) {
      await refused(got, OpenAI.BadRequestError, 400, 'unsupported_parameter'); // it changes the price
      continue;
    }
    assert.deepEqual(await got, answer, id);
    same++;
  }
  assert.ok(same > 30);
  t.diagnostic(`${same} answers are the recorded ones`);
});

test('a concrete model is served where the operator allows it', async () => {
  const answer = await openai().chat.completions.create({ model: 'script-chat/hello', messages: hi });
  assert.equal(answer.choices[0].message.content, greeting);
  assert.equal(answer.model, 'provider-model-name');
});

test('the next provider answers when the first one is busy', async () => {
  const answer = await openai().chat.completions.create({ model: 'saved', messages: hi });
  assert.equal(answer.choices[0].message.content, greeting);
  assert.equal(answer.model, 'saved');
});

test('who answered is told to those who may know, and to nobody else', async () => {
  const { response: told } = await openai(openKey).chat.completions.create({ model: 'hello-messages', messages: hi }).withResponse();
  assert.equal(told.headers.get('x-llmhub-provider'), 'script-messages');
  const { response: blind } = await openai().chat.completions.create({ model: 'hello-messages', messages: hi }).withResponse();
  assert.equal(blind.headers.get('x-llmhub-provider'), null);
  assert.equal(blind.headers.get('x-llmhub-attempts'), null);
});

async function refused(promise, type, status, code) {
  const err = await promise.then(() => assert.fail('it was answered'), (e) => e);
  assert.ok(err instanceof type, `${err.constructor.name}: ${err.message}`);
  assert.equal(err.status, status);
  assert.equal(err.code, code);
  assert.ok(err.requestID);
  return err;
}

const ask = (client, body) => client.chat.completions.create({ model: 'hello-chat', messages: hi, ...body });

test('a wrong key is an AuthenticationError', async () => {
  await refused(ask(openai('lh_this-is-no-key')), OpenAI.AuthenticationError, 401, 'invalid_api_key');
});
test('a model that nobody knows is a NotFoundError', async () => {
  await refused(ask(openai(), { model: 'no-such-model' }), OpenAI.NotFoundError, 404, 'model_not_found');
});
test('a model that the key may not use is refused', async () => {
  await refused(ask(openai(smartKey)), OpenAI.PermissionDeniedError, 403, 'permission_denied');
});
test('what the provider finds wrong is a BadRequestError', async () => {
  await refused(ask(openai(), { model: 'wrong' }), OpenAI.BadRequestError, 400, 'invalid_request');
});
test('a body that is no request is a BadRequestError', async () => {
  await refused(ask(openai(), { messages: 'hello' }), OpenAI.BadRequestError, 400, 'invalid_request');
});
test('when all keys cool it is a RateLimitError with Retry-After, and not retried', async () => {
  const count = counting();
  await ask(openai(undefined, { maxRetries: 0 }), { model: 'busy' }).catch(() => {}); // now the only key cools
  const err = await refused(ask(openai(undefined, { fetch: count.fetch }), { model: 'busy' }), OpenAI.RateLimitError, 429, 'rate_limited');
  const after = Number(err.headers.get('retry-after'));
  assert.ok(after > 0 && after <= 78, `Retry-After is ${after}`);
  assert.equal(count.sent, 1);
});
test('a stream that breaks off does not look whole', async () => {
  const stream = openai().chat.completions.stream({ model: 'cut', messages: hi });
  await assert.rejects(stream.finalChatCompletion(), OpenAI.APIError);
});

test('models are listed', async () => {
  const ids = [];
  for await (const m of openai().models.list()) ids.push(m.id);
  for (const want of [...logical, 'openai/gpt-5.5', 'script-chat/hello']) assert.ok(ids.includes(want), `${want} is not in ${ids}`);
  assert.equal((await openai().models.retrieve('smart')).owned_by, 'llmhub');
  const few = [];
  for await (const m of openai(smartKey).models.list()) few.push(m.id);
  assert.deepEqual(few, ['smart']);
});
