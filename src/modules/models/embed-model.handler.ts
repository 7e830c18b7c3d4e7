import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { EmbeddingCall } from './adapters/embedding-call.js';
import { SimulatedVectors } from './adapters/simulated-vectors.js';
import { LiveTarget } from './live-target.js';
import { EmbedModelCommand, type EmbedCall, type ModelStream } from './models.messages.js';
import { ObservedStream } from './observed-stream.js';

@CommandHandler(EmbedModelCommand)
export class EmbedModelHandler implements ICommandHandler<EmbedModelCommand> {
  async execute({ call }: EmbedModelCommand): Promise<ModelStream> {
    const target = LiveTarget.of(call.target);
    const { slots, timeouts } = target;
    await slots.acquire(call.isFallback, limitMs(call, timeouts.plainMs), call.signal);
    return new ObservedStream(target, streamOf(target, call), false, Math.min(call.fairMs, timeouts.plainMs));
  }
}

/** It holds a slot and goes out at once. */
function streamOf(target: LiveTarget, call: EmbedCall): ModelStream {
  const { signal, trace } = call;
  const request = { ...call.request, model: target.upstreamModel };
  if (!target.server) return new SimulatedVectors(target.model, request, signal);
  return new EmbeddingCall(target.server, request, limitMs(call, target.timeouts.plainMs), signal, trace);
}

const limitMs = ({ beginBy }: EmbedCall, plainMs: number): number =>
  Math.max(0, Math.min(beginBy - performance.now(), plainMs));
