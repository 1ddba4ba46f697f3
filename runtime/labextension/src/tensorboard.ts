import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, IFrame, InputDialog, MainAreaWidget, showErrorMessage } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { LabIcon } from '@jupyterlab/ui-components';

import { post } from './request';

const COMMAND = 'jupyter-session:tensorboard';

const icon = new LabIcon({
  name: 'jupyter-session:tensorboard',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">' +
    '<path class="jp-icon3 jp-icon-selectable" fill="#616161" ' +
    'd="M4 2h2v16h16v2H4zm16.6 3.2l1.4 1.4-6.5 7-4-4L8 13.2l-1.4-1.4 4.9-5 4 4z"/></svg>'
});

/** A card in the launcher, and a command, that open TensorBoard on a folder in a tab of JupyterLab. */
export const tensorBoardPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-session:tensorboard',
  description: 'Opens TensorBoard on a folder.',
  autoStart: true,
  optional: [ICommandPalette, ILauncher, IDefaultFileBrowser],
  activate: (
    app: JupyterFrontEnd,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    files: IDefaultFileBrowser | null
  ): void => {
    const open = async (args: { cwd?: string }): Promise<void> => {
      const { value, button } = await InputDialog.getText({
        title: 'TensorBoard',
        label: 'Folder with event files',
        text: args.cwd ?? files?.model.path ?? '',
        okLabel: 'Open'
      });
      if (!button.accept) {
        return;
      }
      const folder = value ?? '';
      try {
        const { path } = await post<{ path: string }>('tensorboard', { folder });
        const frame = new IFrame({ sandbox: ['allow-same-origin', 'allow-scripts', 'allow-downloads', 'allow-forms'] });
        frame.url = URLExt.join(PageConfig.getBaseUrl(), path);
        const tab = new MainAreaWidget({ content: frame });
        tab.title.label = folder ? `TensorBoard: ${folder}` : 'TensorBoard';
        tab.title.icon = icon;
        tab.title.closable = true;
        app.shell.add(tab, 'main');
      } catch (error) {
        await showErrorMessage('TensorBoard', error instanceof Error ? error.message : String(error));
      }
    };
    app.commands.addCommand(COMMAND, { label: 'TensorBoard', icon, execute: args => open(args as { cwd?: string }) });
    palette?.addItem({ command: COMMAND, category: 'HTCondor Session' });
    launcher?.add({ command: COMMAND, category: 'Other', rank: 90 });
  }
};
