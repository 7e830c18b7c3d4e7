import Anthropic, { type ClientOptions } from '@anthropic-ai/sdk';

/** Anthropic's own client, pointed at the router; it tries nothing again unless told to. */
export const anthropicAt = (url: string, options: ClientOptions = {}): Anthropic =>
  new Anthropic({ apiKey: 'sk-test', baseURL: url, maxRetries: 0, ...options });

export interface NamedEvent {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** The events of a stream of this API. @throws Error for one that an SDK would skip */
export function namedEvents(text: string): NamedEvent[] {
  const events = text.split('\n\n').filter((event) => event !== '');
  return events.map((event) => {
    const [, name, data] = /^event: (\w+)\ndata: (.+)$/s.exec(event) ?? [];
    if (name === undefined || data === undefined) throw new Error(`no event: ${event}`);
    return { event: name, data: JSON.parse(data) as Record<string, unknown> };
  });
}
