import { probeFoundryLocal } from './foundry-local.probe.js';
import type { FoundServer } from './found-model.js';
import { probeLlamaCpp } from './llama-cpp.probe.js';
import { probeLmStudio } from './lm-studio.probe.js';
import { probeOllama } from './ollama.probe.js';
import { ProbeConnections } from './probe-json.js';
import { probeVllm } from './vllm.probe.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where to look; llama-server's own default 8080 is this service's port. */
export const LOCAL_SERVERS = {
  ollama: 'http://127.0.0.1:11434',
  lmstudio: 'http://127.0.0.1:1234',
  llamacpp: 'http://127.0.0.1:8081',
  vllm: 'http://127.0.0.1:8000',
  foundryCommand: 'foundry',
} as const;

export interface LocalSearch {
  readonly env: Environment;
  /** Replaces entries of LOCAL_SERVERS; the given Ollama address also goes before OLLAMA_HOST. */
  readonly servers?: Partial<Record<keyof typeof LOCAL_SERVERS, string>>;
  /** Milliseconds all calls to one server may take together. */
  readonly probeMs: number;
  /** Milliseconds for Foundry Local's status command, which is a program to start and takes longer. */
  readonly statusMs: number;
}

/**
 * Looks for all known local model servers at once. A server is known by how it answers, not by its port. Takes at most
 * `statusMs + probeMs` and never rejects; what is not found or answers nonsense is not there.
 */
export async function findLocalServers({ env, servers, probeMs, statusMs }: LocalSearch): Promise<FoundServer[]> {
  const at = { ...LOCAL_SERVERS, ...servers };
  const ollama = servers?.ollama ?? ollamaOrigin(env['OLLAMA_HOST']);
  const connections = new ProbeConnections();
  const probe = connections.probe(AbortSignal.timeout(probeMs));
  try {
    const looks = await Promise.all([
      ollama === null ? null : probeOllama(ollama, probe, env['OLLAMA_CONTEXT_LENGTH']),
      probeLmStudio(at.lmstudio, probe),
      probeLlamaCpp(at.llamacpp, probe),
      probeVllm(at.vllm, probe),
      probeFoundryLocal({ file: at.foundryCommand, env, statusMs }, () =>
        connections.probe(AbortSignal.timeout(probeMs)),
      ),
    ]);
    return looks.filter((found) => found !== null);
  } finally {
    await connections.close();
  }
}

/**
 * The address in OLLAMA_HOST, read as Ollama's own client reads it: the scheme decides the default port, and an address
 * to listen on everywhere is reached on loopback. `null` when it is none, or is ollama.com, which is not a local server.
 *
 * @see https://github.com/ollama/ollama/blob/main/envconfig/config.go
 */
export function ollamaOrigin(value: string | undefined): string | null {
  const text = (value ?? '').trim().replace(/^["']+|["']+$/g, '');
  if (!text) return LOCAL_SERVERS.ollama;
  const hasScheme = text.includes('://');
  const url = URL.parse(hasScheme ? text : `http://${text.startsWith(':') ? `127.0.0.1${text}` : text}`);
  if (!url || !/^https?:$/.test(url.protocol) || /(^|\.)ollama\.com$/.test(url.hostname)) return null;
  if (url.hostname === '0.0.0.0' || url.hostname === '[::]') url.hostname = '127.0.0.1';
  // URL drops a port that is the scheme's default, so ":80" written out looks like none.
  if (!hasScheme && !url.port && !/:80(\/|$)/.test(text)) url.port = '11434';
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
