import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { hasContent, type ChatChunk } from '../../common/chat.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import { simulatedStream } from './adapters/simulated.model.js';
import { UpstreamCall } from './adapters/undici.transport.js';
import type { LiveTarget } from './live-target.js';
import { StreamModelCommand, type ModelStream } from './models.messages.js';
import { TargetCatalogue } from './target-catalogue.js';
import { upstreamBody } from './upstream-body.js';

@CommandHandler(StreamModelCommand)
export class StreamModelHandler implements ICommandHandler<StreamModelCommand> {
  constructor(private readonly catalogue: TargetCatalogue) {}

  async execute(command: StreamModelCommand): Promise<ModelStream> {
    const target = this.catalogue.get(command.target);
    return new ObservedStream(target, openStream(target, command), command);
  }
}

function openStream(target: LiveTarget, { request, history, beginWithinMs, signal }: StreamModelCommand): ModelStream {
  const body = upstreamBody(request, history, target);
  if (!target.server) return simulatedStream(target.config, body, signal);
  const { firstTokenMs, plainMs, idleMs, totalMs } = target.timeouts;
  const stream = request.stream === true;
  const beginMs = Math.min(beginWithinMs, stream ? firstTokenMs : plainMs);
  const form = { stream, choices: request.n ?? 1 };
  return new UpstreamCall(target.server, JSON.stringify(body), form, { beginMs, idleMs, totalMs }, signal);
}

/** Takes a slot of the target for the time of the call and notes how the call went. */
class ObservedStream implements ModelStream {
  constructor(
    private readonly target: LiveTarget,
    private readonly inner: ModelStream,
    private readonly command: StreamModelCommand,
  ) {}

  get upstreamMs(): number {
    return this.inner.upstreamMs;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChatChunk> {
    const { slots, calls } = this.target;
    await slots.acquire(this.command.beginWithinMs, this.command.signal);
    const startedAt = performance.now();
    let firstTokenMs: number | null = null;
    try {
      for await (const chunk of this.inner) {
        if (firstTokenMs === null && chunk.frames.some((frame) => hasContent(frame.json))) {
          firstTokenMs = performance.now() - startedAt;
        }
        yield chunk;
      }
      calls.succeeded(this.command.request.stream ? firstTokenMs : null);
    } catch (error) {
      if (error instanceof UpstreamFailure) calls.failed(`${error.outcome}: ${error.message}`);
      throw error;
    } finally {
      slots.release();
    }
  }
}
