# Writes OUTPUT, a C++ source with the text of every Python file of SOURCE's packages.
# cmake -DSOURCE=... -DOUTPUT=... -P embed_python.cmake
file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/tidemill_*/*.py ${SOURCE}/sagemaker_*/*.py)
list(SORT files)
set(entries "")
foreach(file IN LISTS files)
  file(READ ${SOURCE}/${file} text)
  # A raw string literal ends at 65,536 bytes in some compilers; these files are far smaller.
  string(LENGTH "${text}" length)
  if(length GREATER 60000)
    message(FATAL_ERROR "${file} is too long to embed")
  endif()
  string(APPEND entries "    {\"${file}\", R\"tidemill_py(${text})tidemill_py\"},\n")
endforeach()
file(WRITE ${OUTPUT}.new "// Generated from src/runtimes/python by embed_python.cmake.
#include \"runtimes/runtimes.h\"

namespace tidemill::runtimes {
namespace {
constexpr PythonFile kFiles[] = {
${entries}};
}  // namespace

std::span<const PythonFile> python_files() { return kFiles; }

}  // namespace tidemill::runtimes
")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
file(REMOVE ${OUTPUT}.new)
