import { request } from 'node:http';
import { bad, ok, type Result } from '../base/result.ts';

/**
 * Asks a running server by its control socket.
 *
 * @param timeoutMs how long it may be silent; default: for ever, as what is asked may take its time
 */
export function askControl<T>(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  timeoutMs?: number,
): Promise<Result<T>> {
  return new Promise((resolve) => {
    const call = request(
      {
        socketPath,
        method,
        path,
        headers: { 'content-type': 'application/json' },
        ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve(read<T>(text, response.statusCode ?? 0)));
      },
    );
    call.on('timeout', () => {
      resolve(
        bad(`the server on the control socket ${socketPath} says nothing within ${timeoutMs} ms: it hangs`),
      );
      call.destroy();
    });
    call.on('error', (error: NodeJS.ErrnoException) => resolve(bad(explain(error, socketPath))));
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function read<T>(text: string, status: number): Result<T> {
  try {
    const value = JSON.parse(text) as T & { error?: string };
    return status === 200 ? ok(value) : bad(value.error ?? `the server said ${status}`);
  } catch {
    return bad(`the server said ${status}: ${text.slice(0, 200)}`);
  }
}

function explain(error: NodeJS.ErrnoException, path: string): string {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    return `no server is running on the control socket ${path}: start one, or name its configuration with -c`;
  }
  if (error.code === 'EACCES')
    return `no permission for the control socket ${path}: run as the server's user`;
  return `${path}: ${error.message}`;
}
