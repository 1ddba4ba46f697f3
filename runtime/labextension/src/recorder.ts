import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { Kernel, KernelMessage } from '@jupyterlab/services';
import { DisposableDelegate, IDisposable } from '@lumino/disposable';
import { Widget } from '@lumino/widgets';

/** The requests that the recorder of the server takes, and no kernel hears: see jupyter_session/recorder/connection.py. */
const CATCH_UP = 'jupyter_session_catch_up';
const SAVED = 'jupyter_session_saved';
const FOLLOWS = 'jupyter_session_follows';
/** How many messages of a kernel's are named as heard: the server knows the last of them, if not each. */
const MOST_SEEN = 20;
/** Milliseconds until a page that opened a notebook asks again, while another page is still connected, and how often. */
const AGAIN = 10000;
const MOST_ASKED = 18;

type Execution = Kernel.IShellFuture<KernelMessage.IExecuteRequestMsg, KernelMessage.IExecuteReplyMsg>;

/** A run of a cell that no page follows. */
interface IRun {
  request: string;
  cell: string;
}

/** What is used of a code cell of @jupyterlab/cells. */
interface ICodeCell extends Widget {
  model: {
    id: string;
    type: string;
    executionState: string;
    executionCount: number | null;
    trusted: boolean;
    sharedModel: { getSource: () => string };
  };
  outputArea: { future: Execution | null; reattachFuture: (future: Execution) => void };
}

/** Has notebooks show what their cells printed while this page was away, and what runs when they are opened. */
export const recorderPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-session:recorder',
  description: 'Asks the recorder of the server for the output that a page missed.',
  autoStart: true,
  activate: (app: JupyterFrontEnd): void => {
    if (PageConfig.getOption('jupyterSessionRecorder') === 'on') {
      app.docRegistry.addWidgetExtension('Notebook', { createNew: follow });
    }
  }
};

/** Follow the kernels that a notebook gets, one after another. */
function follow(panel: Widget, context: DocumentRegistry.Context): IDisposable {
  let follower: Follower | null = null;
  const attach = (): void => {
    const kernel = context.sessionContext.session?.kernel ?? null;
    if (follower?.kernel !== kernel) {
      follower?.dispose();
      follower = kernel ? new Follower(kernel, panel, context) : null;
    }
  };
  context.sessionContext.kernelChanged.connect(attach);
  attach();
  return new DisposableDelegate(() => {
    context.sessionContext.kernelChanged.disconnect(attach);
    follower?.dispose();
  });
}

/** Asks what was missed each time when a kernel is connected, and at first which runs there are to follow. */
class Follower {
  constructor(
    readonly kernel: Kernel.IKernelConnection,
    private _panel: Widget,
    private _context: DocumentRegistry.Context
  ) {
    _context.saveState.connect(this._onSave, this);
    kernel.anyMessage.connect(this._note, this);
    kernel.connectionStatusChanged.connect(this._onStatus, this);
    this._onStatus(kernel, kernel.connectionStatus);
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    this._context.saveState.disconnect(this._onSave, this);
    this.kernel.anyMessage.disconnect(this._note, this);
    this.kernel.connectionStatusChanged.disconnect(this._onStatus, this);
  }

  private _note(_: Kernel.IKernelConnection, { msg, direction }: Kernel.IAnyMessageArgs): void {
    if (direction === 'recv' && msg.channel === 'iopub') {
      this._seen.push(msg.header.msg_id);
      this._seen.splice(0, this._seen.length - MOST_SEEN);
    } else if (direction === 'recv' && msg.channel === 'stdin') {
      this._question = msg.header.msg_id;
    } else if (direction === 'send' && msg.header.msg_type === 'execute_request') {
      this._requests.push(msg.header.msg_id);
    }
  }

  /** Say which runs are older than a save. Their requests may still wait for the kernel, and the save does not. */
  private _onSave(_: DocumentRegistry.Context, state: DocumentRegistry.SaveState): void {
    if (state === 'started') {
      this._savedRequests = [...this._requests];
    } else if (state.startsWith('completed') && this._savedRequests.length && this.kernel.status !== 'dead') {
      const requests = this._savedRequests.splice(0);
      this._requests = this._requests.filter(each => !requests.includes(each));
      this._send(SAVED, { requests }).done.catch(() => undefined); // a kernel that restarts has ended the runs
    }
  }

  /** Send a request that is for the recorder alone. */
  private _send(kind: string, content: object): Kernel.IShellFuture<any, any> {
    const { username, clientId } = this.kernel;
    const options: any = { msgType: kind, channel: 'shell', username, session: clientId, content };
    return this.kernel.sendShellMessage<any>(KernelMessage.createMessage<any>(options), true);
  }

  private _onStatus(_: Kernel.IKernelConnection, status: Kernel.ConnectionStatus): void {
    if (status === 'connected') {
      void this._catchUp();
    }
  }

  private async _catchUp(): Promise<void> {
    const { kernel } = this;
    const asked = ++this._asked;
    const content = { seen: [...this._seen, this._question], opens: this._opens };
    try {
      const reply: any = await this._send(CATCH_UP, content).done;
      const { runs, again } = reply.content as { runs: IRun[]; again: boolean };
      if (!this._opens) {
        return;
      }
      await this._context.ready;
      for (const run of this._isDisposed ? [] : runs) {
        this._show(run);
      }
      this._opens = again && asked < MOST_ASKED;
      if (this._opens && !this._isDisposed) {
        this._timer = window.setTimeout(() => this._onStatus(kernel, kernel.connectionStatus), AGAIN);
      }
    } catch (error) {
      console.debug('What was missed is not known.', error); // the kernel has restarted, or the page is away again
    }
  }

  /** Have a cell show a run, as one that was asked for in this page. */
  private _show(run: IRun): void {
    const cells = ((this._panel as any).content.widgets ?? []) as ICodeCell[];
    const cell = cells.find(each => each.model.id === run.cell && each.model.type === 'code');
    if (!cell || cell.outputArea.future?.msg.header.msg_id === run.request || cell.model.executionState === 'running') {
      return;
    }
    const message = KernelMessage.createMessage<KernelMessage.IExecuteRequestMsg>({
      msgId: run.request,
      msgType: 'execute_request',
      channel: 'shell',
      username: this.kernel.username,
      session: this.kernel.clientId,
      content: { code: cell.model.sharedModel.getSource() },
      metadata: { cellId: run.cell, [FOLLOWS]: true }
    });
    const future = this.kernel.sendShellMessage(message, true) as Execution;
    cell.outputArea.reattachFuture(future);
    cell.model.trusted = true;
    cell.model.executionCount = null;
    cell.model.executionState = 'running';
    const isCurrent = (): boolean => !cell.isDisposed && cell.outputArea.future === future;
    future.done.then(
      reply => {
        if (isCurrent()) {
          cell.model.executionCount = reply.content.execution_count;
          cell.model.executionState = 'idle';
        }
      },
      () => {
        if (isCurrent()) {
          cell.model.executionState = 'idle';
        }
      }
    );
  }

  private _seen: string[] = [];
  private _question = '';
  private _requests: string[] = []; // since the last save
  private _savedRequests: string[] = []; // those that a save which has started is newer than
  private _opens = true;
  private _asked = 0;
  private _timer = 0;
  private _isDisposed = false;
}
