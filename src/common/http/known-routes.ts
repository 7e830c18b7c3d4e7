import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';

interface Route {
  readonly method: string;
  /** With `:id` for a name. */
  readonly path: string;
  readonly words: readonly string[];
}

const PREFIX = '/v1/';
/** What base URLs of SDKs and habits of other services put in front of a path, or twice. */
const PREFIXES = /^\/(?:(?:openai|api)\/)?(?:v1\/)+/;
/** Names that may hold a slash (`org/name`), and what follows the name. */
const NAMES_WITH_SLASH = /^(\/v1\/models\/|\/admin\/targets\/)(.+?)(\/drain|\/enable)?$/;
const MOST_SHOWN = 200;

const wordsOf = (path: string): string[] => path.toLowerCase().split('/').filter(Boolean);

/** The routes of this service: reads the ways in which their paths are written, and names the one that was meant. */
export class KnownRoutes {
  private readonly routes: Route[] = [];
  /** Paths without a name in them. */
  private readonly exact = new Set<string>();

  /** Notes every route that is added from now on. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', ({ method, url }) => {
      if (url.includes('*')) return;
      for (const one of [method].flat()) {
        if (one !== 'HEAD') this.routes.push({ method: one, path: url, words: wordsOf(url) });
      }
      if (!url.includes(':')) this.exact.add(url);
    });
  }

  /**
   * The path as its route has it: one slash between words and none at the end, `/v1` once where it is left out, doubled
   * or behind `/openai` or `/api`, slashes in a model's name escaped. Of every path that is not written in such a way, as
   * it came. For Fastify's `rewriteUrl`, so that whatever a path opens is decided after it.
   */
  readonly rewrite = ({ url = '/' }: Pick<IncomingMessage, 'url'>): string => {
    if (this.exact.has(url)) return url;
    const end = url.search(/[?#]/);
    const sent = end < 0 ? url : url.slice(0, end);
    const path = this.meant(sent);
    return path === sent ? url : path + (end < 0 ? '' : url.slice(end));
  };

  /** What to tell about a path that leads nowhere, or not by this method. */
  advice(method: string, url: string): string {
    const path = (url.split('?')[0] ?? '').slice(0, MOST_SHOWN);
    const words = wordsOf(path);
    const same = this.routes.filter((route) => matches(route, words));
    const meant = same.length > 0 ? same : this.nearest(words);
    const names = meant.map((route) => `${route.method} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`).join(' or ');
    return `No route ${method} ${path}.${names ? ` Did you mean ${names}?` : ''} GET /docs lists all routes.`;
  }

  private meant(sent: string): string {
    if (!sent.startsWith('/')) return sent;
    let path = sent.replace(/\/{2,}/g, '/');
    if (path.length > 1 && path.endsWith('/')) path = path.slice(0, -1);
    path = path.replace(PREFIXES, PREFIX);
    if (!path.startsWith(PREFIX) && this.isWithoutPrefix(path)) path = PREFIX + path.slice(1);
    const [, before, name, after = ''] = NAMES_WITH_SLASH.exec(path) ?? [];
    return before && name?.includes('/') ? before + name.replaceAll('/', '%2F') + after : path;
  }

  /** Whether `/v1` in front would make it a route; one that is a route by itself stays. */
  private isWithoutPrefix(path: string): boolean {
    const words = path.split('/').slice(1);
    const [first] = words;
    const isOwn = this.routes.some((route) => route.words[0] === first);
    return !isOwn && this.routes.some(({ words: [prefix, second] }) => prefix === 'v1' && second === first);
  }

  /** The route with most of the words, of several the shortest; none where no word is known. */
  private nearest(words: readonly string[]): Route[] {
    let best: Route | null = null;
    let most = 0;
    for (const route of this.routes) {
      const shared = route.words.filter((word) => word !== 'v1' && words.includes(word)).length;
      if (shared < most || shared === 0) continue;
      if (best && shared === most && route.words.length >= best.words.length) continue;
      best = route;
      most = shared;
    }
    return best ? [best] : [];
  }
}

const matches = ({ words }: Route, path: readonly string[]): boolean =>
  words.length === path.length && words.every((word, i) => word.startsWith(':') || word === path[i]);
