const BILLING_HEADER = 'x-anthropic-billing-header:';

/**
 * A system text without the line in front by which Claude Code tells Anthropic's billing who it is. The line changes with
 * every call: in front of a prompt it destroys the prefix cache of every model server that gets it (vllm-mlx#277: 50 s for
 * what took 3.65 s; ollama#14918), and no two questions would ever be the same for our own cache. It goes to nobody, to
 * Anthropic neither: what it attributes is a subscription of the caller's, and here the operator's key pays.
 */
export function ownWords(text: string): string {
  if (!text.startsWith(BILLING_HEADER)) return text;
  const end = text.indexOf('\n');
  return end < 0 ? '' : text.slice(end + 1).trimStart();
}
