import type { FoundModel, FoundServer, ServerKind } from './found-model.js';
import type { ServerLook } from './local-servers.js';

/** Looks in a row that must miss a server before it counts as gone: one that is restarted is back by then. */
const MISSES = 2;

interface Seen {
  readonly server: FoundServer;
  readonly missed: number;
}

/**
 * What many looks have found. A server that is there but does not get to answer (busy, loading, unwell) stays, with what
 * it told last, however long that takes: its calls fail as they do, and nothing takes its place. It is gone when nobody
 * listens there any more, or somebody else does, twice in a row. Of models the server's latest list counts at once.
 */
export class SeenServers {
  private readonly seen = new Map<ServerKind, Seen>();

  /** Whether a server was missed in the latest look and may be gone. */
  get isInDoubt(): boolean {
    return [...this.seen.values()].some(({ missed }) => missed > 0);
  }

  /** Takes in one round of looks. @returns the servers in force, in the order of the looks, and those that left */
  take(looks: readonly ServerLook[]): {
    readonly servers: readonly FoundServer[];
    readonly gone: readonly FoundServer[];
  } {
    const before = [...this.seen.values()];
    const servers = looks.flatMap((look) => {
      const now = after(look, this.seen.get(look.kind));
      if (now) this.seen.set(look.kind, now);
      else this.seen.delete(look.kind);
      return now?.server ?? [];
    });
    const places = new Set(servers.map(({ baseUrl }) => baseUrl));
    return { servers, gone: before.flatMap(({ server }) => (places.has(server.baseUrl) ? [] : [server])) };
  }
}

function after({ found, silent }: ServerLook, before: Seen | undefined): Seen | null {
  if (found) return { server: withOldDetails(found, before?.server), missed: 0 };
  if (!before || silent) return before ?? null;
  const missed = before.missed + 1;
  return missed >= MISSES ? null : { server: before.server, missed };
}

/** A model that could not be described this time keeps its description. */
function withOldDetails(found: FoundServer, before: FoundServer | undefined): FoundServer {
  if (before?.baseUrl !== found.baseUrl) return found;
  const known = new Map<string, FoundModel>(before.models.map((model) => [model.name, model]));
  return { ...found, models: found.models.map((model) => (model.partial && known.get(model.name)) || model) };
}
