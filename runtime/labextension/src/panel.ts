import { LabIcon } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { Session } from './session';
import { IFigure, ISource, IView } from './view';

/** An hourglass. */
export const sessionIcon = new LabIcon({
  name: 'jupyter-session:session',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">' +
    '<path class="jp-icon3 jp-icon-selectable" fill="#616161" ' +
    'd="M6 2v6l4 4-4 4v6h12v-6l-4-4 4-4V2zm10 14.5V20H8v-3.5l4-4zm-4-5l-4-4V4h8v3.5z"/></svg>'
});

/** What the buttons of the panel do. */
export interface IActions {
  keep: () => void;
  fetch: () => void;
  stop: () => void;
  openPage: () => void;
}

/** All that is known of the session, in a sidebar. */
export class SessionPanel extends Widget {
  constructor(session: Session, actions: IActions) {
    super();
    this.id = 'jupyter-session:panel';
    this.addClass('jp-session-panel');
    this.title.icon = sessionIcon;
    this.title.caption = 'Session';
    this._session = session;
    this._fetch = button('Fetch what is new', 'Bring here what is new on the access point', actions.fetch);
    this._sentence.setAttribute('role', 'status');
    const buttons = element('div', { className: 'jp-session-buttons' }, [
      button('Keep for 2 h', 'Keep the session alive for 2 hours, even if it is idle', actions.keep),
      button('Stop now', 'Stop the session; the notebooks come back', actions.stop)
    ]);
    const page = button('Open as a page', 'Show this in a browser tab of its own', actions.openPage);
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Session');
    this.node.append(element('h2', {}, ['Session']), this._sentence, buttons, this._details, page);
    session.changed.connect(this._render, this);
    this._render();
  }

  dispose(): void {
    this._session.changed.disconnect(this._render, this);
    super.dispose();
  }

  protected onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._session.watch(true);
  }

  protected onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this._session.watch(false);
  }

  private _render(): void {
    const { view, failure } = this._session;
    const sentence = failure
      ? `JupyterLab can't ask its server: ${failure} What follows may be old.`
      : view
        ? view.problem || view.sentence
        : 'The session is being asked.';
    if (this._sentence.textContent !== sentence) {
      this._sentence.textContent = sentence; // a screen reader reads it only when it is new
    }
    this.node.classList.toggle('jp-mod-expiring', view?.state === 'expiring');
    this._details.replaceChildren(...(view ? describe(view, this._fetch) : []));
  }

  private _session: Session;
  private _sentence = document.createElement('p');
  private _fetch: HTMLButtonElement;
  private _details = document.createElement('div');
}

function describe(view: IView, fetch: Node): Node[] {
  const saving = view.saving.length ? [list(view.saving)] : [];
  return [
    ...section('Warnings', view.warnings.length ? [list(view.warnings)] : []),
    ...section('Resources', view.figures.length ? [table(view.figures.map(describeFigure))] : []),
    ...section('Activity', view.sources.length ? [table(view.sources.map(describeSource), ACTIVITY)] : []),
    ...section('Saved to the access point', view.arrived ? [...saving, fetch] : saving),
    ...section('About', view.facts.length ? [table(view.facts.map(([name, text]) => [name, text]))] : [])
  ];
}

const ACTIVITY = ['Source', 'Sees'];

function describeSource(source: ISource): (string | Node)[] {
  const active = source.active ? 'active' : 'not active';
  const state = element('span', { className: source.active ? 'jp-mod-active' : '' }, [
    source.since ? `${active} for ${source.since}` : active
  ]);
  return [source.name, element('div', {}, [source.sees, state])];
}

function describeFigure(figure: IFigure): (string | Node)[] {
  if (figure.share === null) {
    return [figure.name, figure.text];
  }
  const bar = element('meter', { min: 0, max: 1, high: 0.9, value: Math.min(figure.share, 1) }, []);
  bar.setAttribute('aria-label', figure.name);
  return [figure.name, element('div', {}, [figure.text, bar])];
}

function section(title: string, content: Node[]): Node[] {
  return content.length ? [element('section', {}, [element('h3', {}, [title]), ...content])] : [];
}

function list(lines: string[]): Node {
  return element(
    'ul',
    {},
    lines.map(line => element('li', {}, [line]))
  );
}

/** Return a table whose rows begin with their headings; `columns` are the headings of the columns, if there are any. */
function table(rows: (string | Node)[][], columns: string[] = []): Node {
  const heading = (text: string | Node, scope: string): Node => element('th', { scope }, [text]);
  const head = columns.length
    ? [element('thead', {}, [element('tr', {}, columns.map(column => heading(column, 'col')))])]
    : [];
  const lines = rows.map(([first, ...rest]) =>
    element('tr', {}, [heading(first, 'row'), ...rest.map(cell => element('td', {}, [cell]))])
  );
  return element('table', { className: columns.length ? 'jp-session-columns' : '' }, [...head, element('tbody', {}, lines)]);
}

function button(label: string, title: string, act: () => void): HTMLButtonElement {
  const made = element('button', { type: 'button', title, className: 'jp-Button jp-mod-styled jp-mod-minimal' }, [label]);
  made.addEventListener('click', act);
  return made;
}

function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: object,
  children: (string | Node)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
