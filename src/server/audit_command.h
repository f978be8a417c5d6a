// `tidemill audit verify` and `tidemill audit export`: they read the audit log in the data folder
// of a server that may be running, or an exported file.
#pragma once

#include <string>

#include "server/settings.h"

namespace tidemill::server {

// `file`: an exported file; empty: the data folder's log. Prints what was found. The process's exit
// code: 0 when nothing was changed, 1 when something was or when the log cannot be read.
int verify_audit(const Settings& settings, const std::string& file);

// Writes the whole log to `file`, which must not exist; "-" is the standard output.
int export_audit(const Settings& settings, const std::string& file);

}  // namespace tidemill::server
