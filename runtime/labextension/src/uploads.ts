import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';

/** Bytes of the pieces in which JupyterLab sends a file (CHUNK_SIZE in filebrowser/src/model.ts). */
const PIECE = 1048576;
/** Bytes from which on another way is better. */
const LARGE = 100e6;

/** Says how large files travel better, once in a page, when somebody uploads one. */
export const uploadsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-session:uploads',
  description: 'Names a better way for large files.',
  autoStart: true,
  requires: [IDefaultFileBrowser],
  activate: (_: JupyterFrontEnd, browser: IDefaultFileBrowser): void => {
    const seen = new Set<string>();
    let isSaid = false;
    browser.model.uploadChanged.connect((_, { name, newValue }) => {
      if (name !== 'update' || !newValue?.progress || seen.has(newValue.path)) {
        return;
      }
      seen.add(newValue.path);
      if (!isSaid && PIECE / newValue.progress >= LARGE) {
        isSaid = true;
        Notification.info(
          `${newValue.path} is large. "chtc-jupyter cp" on your laptop goes on after a lost connection and compares ` +
            'what has arrived. What is on the access point can come with the job: see transfer_input_files.',
          { autoClose: 30000 }
        );
      }
    });
  }
};
