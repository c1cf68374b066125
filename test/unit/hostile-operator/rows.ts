/** What somebody wrote, wrong in one way, and all that is said of it. */
export type WrongText = readonly [text: string, ...says: readonly string[]];

/** A command line, its exit status, and all that it says. */
export type WrongCommand = readonly [args: readonly string[], status: number, ...says: readonly string[]];
