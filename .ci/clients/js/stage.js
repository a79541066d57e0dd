// What every test here needs: where the server is, and what to ask it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import Anthropic from '@anthropic-ai/sdk';

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this by .ci/clients/run`);
  return value;
}

const url = setting('STAGE_URL');
export const key = setting('STAGE_KEY');
export const openKey = setting('STAGE_OPEN_KEY');
export const smartKey = setting('STAGE_SMART_KEY');

export const openai = (apiKey = key, more = {}) => new OpenAI({ apiKey, baseURL: `${url}/v1`, ...more });
export const anthropic = (apiKey = key, more = {}) => new Anthropic({ apiKey, authToken: null, baseURL: url, ...more });

// counting is a fetch that counts what it sends.
export function counting() {
  const count = { sent: 0 };
  count.fetch = (...args) => {
    count.sent++;
    return fetch(...args);
  };
  return count;
}

export const greeting = 'Hello from the script, with ünïcode and a\nsecond line.';
export const dialects = ['chat', 'messages', 'generate'];
export const logical = ['smart', 'fast', 'cheap', 'any'];

export const weather = {
  name: 'weather',
  description: 'The temperature of a city now.',
  schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
export const degrees = { Lisbon: '18 degrees', Oslo: '9 degrees' };

// recorded are the exchanges of a provider and endpoint that went well and of
// which the request is known.
export function recorded(provider, endpoint, stream) {
  const corpus = setting('LLMHUB_CORPUS');
  return readFileSync(join(corpus, 'index.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .filter((x) => x.provider === provider && x.endpoint === endpoint && x.stream === stream && x.status === 200)
    .map((x) => {
      const folder = join(corpus, provider, x.id);
      const request = JSON.parse(readFileSync(join(folder, 'request.json'), 'utf8'));
      const response = JSON.parse(readFileSync(join(folder, 'response.json'), 'utf8'));
      return { id: x.id, body: request.body, answer: response.body };
    })
    .filter((x) => x.body);
}
