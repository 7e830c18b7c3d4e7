import { isIPv6 } from 'node:net';

const PORT = 11434;

/** A port of this machine; some servers listen on `localhost`, which may mean IPv6 alone. */
export const loopbackOrigins = (port: number): readonly string[] => [
  `http://127.0.0.1:${port}`,
  `http://[::1]:${port}`,
];

/**
 * Where Ollama listens by OLLAMA_HOST, read as Ollama's own client reads it: the scheme decides the default port, and an
 * address to listen on everywhere is reached on loopback. None when it is no address, or is ollama.com, which is not a
 * local server.
 *
 * @see https://github.com/ollama/ollama/blob/main/envconfig/config.go
 */
export function ollamaOrigins(value: string | undefined): readonly string[] {
  const text = (value ?? '').trim().replace(/^["']+|["']+$/g, '');
  if (!text) return loopbackOrigins(PORT);
  const hasScheme = text.includes('://');
  const url = URL.parse(hasScheme ? text : `http://${addressOf(text)}`);
  if (!url || !/^https?:$/.test(url.protocol) || /(^|\.)ollama\.com$/.test(url.hostname)) return [];
  // URL drops a port that is the scheme's default, so ":80" written out looks like none.
  if (!hasScheme && !url.port && !/:80(\/|$)/.test(text)) url.port = String(PORT);
  const isEverywhere = url.hostname === '0.0.0.0' || url.hostname === '[::]';
  const hosts = isEverywhere ? ['127.0.0.1', '[::1]'] : [url.hostname];
  return hosts.map((host) => {
    url.hostname = host;
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  });
}

/** `:9999` and an IPv6 address without brackets, as Go's client takes them. */
function addressOf(text: string): string {
  if (text.startsWith(':') && !text.startsWith('::')) return `127.0.0.1${text}`;
  return isIPv6(text) ? `[${text}]` : text;
}
