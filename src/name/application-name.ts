import { bad, ok, type Result } from '../base/result.ts';
import type { InterfaceName } from './interface-name.ts';

/**
 * An application that a registry knows by itself, without interfaces (Spring Cloud and the like), has what an interface
 * has: a VIP, versions, endpoints. It stands where interfaces stand, with a mark that no interface's name has:
 *
 *     user-service  ⇄  @user-service
 *     a/b:c         ⇄  @a%2Fb%3Ac
 *
 * `/` and `:` part a service's key, so they are not left as they are.
 */
const MARK = '@';

/** A label of DNS has 63 octets; longer ones are shortened, and longer than this nobody's application is called. */
export const MAX_APPLICATION_NAME = 255;

/** @returns what stands for the application, wherever an interface may stand; or why it cannot be one */
export function parseApplicationName(text: string): Result<InterfaceName> {
  if (text === '') return bad('empty application name');
  if (text.length > MAX_APPLICATION_NAME)
    return bad(`application name over ${MAX_APPLICATION_NAME} characters`);
  if (!text.isWellFormed() || /\p{Cc}/u.test(text)) {
    return bad(`'${text.slice(0, 100)}' is no application name: expected no control characters`);
  }
  if (!/[a-z0-9]/i.test(text)) {
    return bad(`'${text.slice(0, 100)}' is no application name: expected a letter or a digit, for its label`);
  }
  return ok(subjectOfApplication(text));
}

/** What stands for the application, whether it can be one or not. */
export function subjectOfApplication(text: string): InterfaceName {
  return (MARK + text.replace(/[/:%]/g, encodeURIComponent)) as InterfaceName;
}

export function isApplication(name: string): boolean {
  return name.startsWith(MARK);
}

/** The application as its registry writes it; undefined for an interface. */
export function applicationOf(name: InterfaceName): string | undefined {
  return isApplication(name)
    ? name.slice(MARK.length).replace(/%(?:2F|3A|25)/g, decodeURIComponent)
    : undefined;
}

/** Whether it stands for an application as {@link parseApplicationName} makes it. */
export function isApplicationName(name: string): boolean {
  const application = applicationOf(name as InterfaceName);
  if (application === undefined) return false;
  const parsed = parseApplicationName(application);
  return parsed.ok && parsed.value === name;
}

/** For people: `com.foo.UserService`, `application user-service`. */
export function subjectText(name: InterfaceName): string {
  const application = applicationOf(name);
  return application === undefined ? name : `application ${application}`;
}
