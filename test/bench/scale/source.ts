/** Where the interfaces of a run come from; another source is another object of this shape. */

/** A provider came or went, and the registry has acknowledged it. */
export interface Change {
  /** the name whose A records tell it */
  readonly name: string;
  readonly address: string;
  /** whether the name has that address now */
  readonly present: boolean;
}

export interface InterfaceSource {
  /** of each interface */
  readonly providers: number;
  /** What the server's configuration says of it: the value of `registries`. */
  readonly registries: string;
  /** The same registry by its name, where nobody can be reached. */
  readonly registriesAway: string;
  /** Fills it up to so many interfaces; the sizes of a run grow. */
  plant(size: number): Promise<void>;
  /** Adds one more provider to an interface, or takes it away again; resolves when that is acknowledged. */
  change(index: number): Promise<Change>;
  /** Adds an interface beyond those planted, with all its providers; resolves when that is acknowledged. */
  newInterface(index: number): Promise<void>;
  /** Takes back what `change` and `newInterface` left. */
  reset(): Promise<void>;
  /** Seconds in which a process of its own merely lists everything: what a server can at best take to be ready; NaN without such a thing. */
  listAlone(): Promise<number>;
  /** Cuts the server off, so that it reads everything anew at once. */
  cutOff(pid: number): Promise<void>;
  /** Ends it for good. */
  remove(): Promise<void>;
}
