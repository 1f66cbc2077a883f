/** A row of a list, which its id tells from all others. */
export interface ListRow {
  readonly id: string;
}

/** A page of a list, as the API sends it. */
export interface RowPage<Row extends ListRow> {
  readonly rows: readonly Row[];
  /** Cursor after which the next page starts. */
  readonly endCursor: string | null | undefined;
  readonly hasNextPage: boolean;
  /** Number of rows of the whole list; null if the page does not tell. */
  readonly totalCount: number | null;
}

/** A page that Relay's store keeps until it is released. */
export interface StoredPage {
  /** Reads it from the server. */
  readonly read: () => Promise<unknown>;
  /** Reads it once more. A failure leaves what is shown. */
  readonly refresh: () => Promise<void>;
  readonly release: () => void;
}

/** Opens the page after a cursor. `onChange` receives what the store has of it, now and after each change. */
export type OpenPage<Row extends ListRow> = (after: string | null, onChange: (page: RowPage<Row>) => void) => StoredPage;

interface Page<Row extends ListRow> {
  readonly after: string | null;
  stored: StoredPage;
  /** Null until it was read. */
  content: RowPage<Row> | null;
}

export const PAGE_ROWS = 100;
const AHEAD_ROWS = 100;
const MOST_PAGES = 10;
const MOST_READS = 2;

/**
 * The rows of a list of any length, of which the first page and a few pages near those that are shown are in memory. The others
 * are read again by their cursors.
 *
 * After `refresh` the pages that are shown are read again, and each other one when it is shown. Where a page then ends with
 * another row than before, the next one is read again from there.
 */
export class RowPages<Row extends ListRow> {
  private readonly pages = new Map<number, Page<Row>>();
  /** `cursors[n]` is where page n + 1 starts. */
  private readonly cursors: string[] = [];
  private readonly stale = new Set<number>();
  private readonly reads = new Set<number>();
  private readonly listeners = new Set<() => void>();
  private wanted: readonly number[] = [0];
  private retries = 0;
  private places: ReadonlyMap<string, number> | null = null;
  private state = { count: 0, hasMore: false, totalCount: null as number | null, failure: null as unknown };

  constructor(
    private readonly first: RowPage<Row>,
    private readonly open: OpenPage<Row>,
  ) {
    this.extend(0, first);
    this.update({ totalCount: first.totalCount });
  }

  /** Changes its identity with every change. */
  readonly snapshot = () => this.state;

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  /** Follows what the store has of the pages. Returns a function that ends it. */
  readonly follow = () => {
    const page = this.opened(0, null);
    this.pages.set(0, page);
    if (page.content !== null) this.extend(0, page.content);
    return () => {
      this.wanted = [];
      this.forget([...this.pages.keys()]);
    };
  };

  /** Undefined while it is being read. */
  rowAt(index: number): Row | undefined {
    return this.contentOf(pageOf(index))?.rows[index % PAGE_ROWS];
  }

  /** Index of a row that is in memory. */
  indexOf(id: string): number | undefined {
    this.places ??= new Map(this.loaded().map(([index, row]) => [row.id, index]));
    return this.places.get(id);
  }

  /** The rows in memory. */
  rows(): readonly Row[] {
    return this.loaded().map(([, row]) => row);
  }

  /** Reads the pages of these rows and of those nearby, and of `pinned`, which has the focus. */
  readonly show = (from: number, until: number, pinned: number) => {
    const [start, end] = [pageOf(Math.max(0, from - AHEAD_ROWS)), pageOf(until + AHEAD_ROWS)];
    const near = Array.from({ length: end - start + 1 }, (_, offset) => start + offset);
    this.wanted = [...new Set([pageOf(from), ...near, pageOf(pinned)])];
    this.readWanted();
  };

  /** The list may have changed. A failure of this leaves what is shown. */
  readonly refresh = () => {
    for (const number of [0, ...this.pages.keys(), ...this.reads]) this.stale.add(number);
    this.retry();
  };

  /** After a failure. Covers reads that are still under way, and fail then. */
  readonly retry = () => {
    this.retries += 1;
    if (this.state.failure !== null) this.update({ failure: null });
    this.readWanted();
  };

  private readWanted() {
    if (this.state.failure !== null) return;
    for (const number of this.wanted) {
      if (this.reads.size >= MOST_READS) return;
      const after = this.startOf(number);
      if (after === undefined || this.reads.has(number)) continue;
      const page = this.pages.get(number);
      if (page?.after !== after) void this.during(number, () => this.readPage(number, after));
      else if (this.stale.has(number)) void this.during(number, () => page.stored.refresh());
    }
  }

  private async during(number: number, read: () => Promise<unknown>) {
    this.reads.add(number);
    this.stale.delete(number);
    await read();
    this.reads.delete(number);
    this.readWanted();
  }

  private async readPage(number: number, after: string | null) {
    const { retries } = this;
    const page = this.opened(number, after);
    try {
      await page.stored.read();
      this.keep(number, page);
    } catch (failure) {
      page.stored.release();
      if (retries === this.retries) this.update({ failure });
    }
  }

  private opened(number: number, after: string | null): Page<Row> {
    const page: Page<Row> = { after, content: null, stored: NOT_STORED };
    page.stored = this.open(after, (content) => {
      const before = page.content;
      page.content = content;
      if (this.pages.get(number) !== page) return;
      this.extend(number, content);
      if (content.totalCount !== null && content.totalCount !== before?.totalCount) this.update({ totalCount: content.totalCount });
      this.readWanted();
    });
    return page;
  }

  private keep(number: number, page: Page<Row>) {
    const { content } = page;
    if (content === null) throw new Error("The page of the list is not visible.");
    // The list can have become shorter meanwhile.
    if (this.wanted.includes(number) && this.startOf(number) !== undefined) {
      this.pages.get(number)?.stored.release();
      this.pages.set(number, page);
    } else {
      page.stored.release();
    }
    this.forgetFarPages();
    this.extend(number, content);
    if (content.totalCount !== null) this.update({ totalCount: content.totalCount });
  }

  private extend(number: number, { rows, endCursor, hasNextPage }: RowPage<Row>) {
    if (!hasNextPage || typeof endCursor !== "string") {
      this.cursors.length = Math.min(this.cursors.length, number);
      this.wanted = [...new Set(this.wanted.map((page) => Math.min(page, number)))];
      this.forget([...this.pages.keys()].filter((page) => page > number));
      this.update({ count: number * PAGE_ROWS + rows.length, hasMore: false });
    } else if (number === this.cursors.length) {
      this.cursors.push(endCursor);
      this.update({ count: this.cursors.length * PAGE_ROWS, hasMore: true });
    } else if (number < this.cursors.length) {
      this.cursors[number] = endCursor;
      this.update({});
    }
  }

  private forgetFarPages() {
    const isNeeded = new Set([0, ...this.wanted]);
    const [middle = 0] = this.wanted;
    const far = [...this.pages.keys()].filter((page) => !isNeeded.has(page));
    far.sort((one, other) => Math.abs(other - middle) - Math.abs(one - middle));
    this.forget(far.slice(0, Math.max(0, this.pages.size - MOST_PAGES)));
  }

  private forget(numbers: readonly number[]) {
    for (const number of numbers) {
      this.pages.get(number)?.stored.release();
      this.pages.delete(number);
    }
  }

  /** Cursor after which a page starts; undefined while it is not known. */
  private startOf(number: number): string | null | undefined {
    return number === 0 ? null : this.cursors[number - 1];
  }

  private contentOf(number: number): RowPage<Row> | undefined {
    return this.pages.get(number)?.content ?? (number === 0 ? this.first : undefined);
  }

  private loaded(): readonly (readonly [number, Row])[] {
    const numbers = [...new Set([0, ...this.pages.keys()])].sort((one, other) => one - other);
    return numbers.flatMap((number) =>
      (this.contentOf(number)?.rows ?? []).map((row, place) => [number * PAGE_ROWS + place, row] as const),
    );
  }

  private update(changes: Partial<typeof this.state>) {
    this.state = { ...this.state, ...changes };
    this.places = null;
    for (const listener of this.listeners) listener();
  }
}

const NOT_STORED: StoredPage = { read: () => Promise.resolve(), refresh: () => Promise.resolve(), release: () => undefined };

function pageOf(index: number): number {
  return Math.floor(index / PAGE_ROWS);
}
