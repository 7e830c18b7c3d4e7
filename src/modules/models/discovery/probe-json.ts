import { Agent, request, type Dispatcher } from 'undici';

/** A catalogue of models is a few kB; whatever sends more is no model server. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * One look at one server: GET, or POST when there is a body. Resolves with the JSON of a 200 answer and with
 * `undefined` for everything else (nobody there, too slow, too large, another status, not JSON); never rejects.
 */
export type ProbeJson = (url: string, body?: unknown) => Promise<unknown>;

/**
 * Connections for one round of discovery. Redirects are not followed and proxies not asked. `openai`'s own
 * `models.list()` is not used here: it follows redirects, reads bodies of any size, and its import takes 0.1 s and
 * 36 MB, which a start has better use for.
 */
export class ProbeConnections {
  private readonly agent = new Agent({ maxResponseSize: MAX_BODY_BYTES, connections: 16 });

  /** @param deadline aborts what is still under way; the answer is then `undefined` */
  probe(deadline: AbortSignal): ProbeJson {
    return async (url, body) => {
      try {
        const response = await request(url, { ...requestOf(body), dispatcher: this.agent, signal: deadline });
        return await jsonOf(response);
      } catch {
        return undefined;
      }
    };
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

function requestOf(body: unknown): Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'body'> {
  const headers = { accept: 'application/json', 'user-agent': 'hybrid-llm-router' };
  if (body === undefined) return { method: 'GET', headers };
  return { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

async function jsonOf({ statusCode, body }: Dispatcher.ResponseData): Promise<unknown> {
  if (statusCode === 200) return body.json();
  body.on('error', () => undefined).destroy();
  return undefined;
}
