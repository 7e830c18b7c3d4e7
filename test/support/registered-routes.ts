import type { FastifyInstance } from 'fastify';
import type { RouterApp } from './router-app.js';

/** All routes of a service as `METHOD /path/:name`, those of HEAD and OPTIONS and of the documentation with them. */
export function registeredRoutes({ app }: Pick<RouterApp, 'app'>): string[] {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  const lines = fastify.printRoutes({ commonPrefix: false, includeHooks: false }).split('\n');
  const stack: { depth: number; path: string }[] = [];
  const found = new Set<string>();
  for (const line of lines) {
    const match = /^([│├└─\s]*)(\S*) \(([^)]+)\)/.exec(line) ?? /^([│├└─\s]*)(\S+)\s*$/.exec(line);
    if (!match) continue;
    const depth = (match[1] as string).length;
    while ((stack.at(-1)?.depth ?? -1) >= depth) stack.pop();
    const path = (stack.at(-1)?.path ?? '') + (match[2] as string);
    stack.push({ depth, path });
    for (const method of match[3]?.split(', ') ?? []) found.add(`${method} ${path}`);
  }
  return [...found].sort();
}
