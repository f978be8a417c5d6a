// The part of ONNX Runtime's C API that is used here, declared by hand: handles are opaque, and the
// table of functions only grows at its end, so each function keeps its place. (onnxruntime_c_api.h,
// "All members of OrtApi are append-only".)
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"

namespace tidemill::model_server::ort {

struct Status;
struct Env;
struct Session;
struct SessionOptions;
struct Value;
struct TypeInfo;
struct TensorInfo;  // OrtTensorTypeAndShapeInfo; const ones belong to their TypeInfo
struct MemoryInfo;
struct Allocator;

inline constexpr std::uint32_t kApiVersion = 16;  // has all that is used; libraries since 1.16 do
inline constexpr int kTypeTensor = 1;             // ONNXType
inline constexpr int kTypeSequence = 2;
inline constexpr int kElementString = 8;    // ONNXTensorElementDataType
inline constexpr int kLogFatal = 4;         // OrtLoggingLevel; lesser errors are answers
inline constexpr int kOptimizeAll = 99;     // GraphOptimizationLevel
inline constexpr int kDeviceAllocator = 1;  // OrtAllocatorType
inline constexpr int kDefaultMemory = 0;    // OrtMemType

template <std::size_t count>
using Unused = void* [count];

struct Api {
  Unused<2> unused_0;
  const char* (*GetErrorMessage)(const Status*);
  Status* (*CreateEnv)(int log_level, const char* name, Env**);
  Unused<3> unused_4;
  Status* (*CreateSession)(const Env*, const char* path, const SessionOptions*, Session**);
  Unused<1> unused_8;
  Status* (*Run)(Session*, const void* run_options, const char* const* input_names,
                 const Value* const* inputs, std::size_t input_count,
                 const char* const* output_names, std::size_t output_count, Value** outputs);
  Status* (*CreateSessionOptions)(SessionOptions**);
  Unused<12> unused_11;
  Status* (*SetSessionGraphOptimizationLevel)(SessionOptions*, int);
  Status* (*SetIntraOpNumThreads)(SessionOptions*, int);
  Status* (*SetInterOpNumThreads)(SessionOptions*, int);
  Unused<4> unused_26;
  Status* (*SessionGetInputCount)(const Session*, std::size_t*);
  Status* (*SessionGetOutputCount)(const Session*, std::size_t*);
  Unused<1> unused_32;
  Status* (*SessionGetInputTypeInfo)(const Session*, std::size_t, TypeInfo**);
  Status* (*SessionGetOutputTypeInfo)(const Session*, std::size_t, TypeInfo**);
  Unused<1> unused_35;
  Status* (*SessionGetInputName)(const Session*, std::size_t, Allocator*, char**);
  Status* (*SessionGetOutputName)(const Session*, std::size_t, Allocator*, char**);
  Unused<11> unused_38;
  Status* (*CreateTensorWithDataAsOrtValue)(const MemoryInfo*, void* data, std::size_t bytes,
                                            const std::int64_t* shape, std::size_t rank, int type,
                                            Value**);
  Unused<1> unused_50;
  Status* (*GetTensorMutableData)(Value*, void**);
  Unused<3> unused_52;
  Status* (*CastTypeInfoToTensorInfo)(const TypeInfo*, const TensorInfo**);
  Status* (*GetOnnxTypeFromTypeInfo)(const TypeInfo*, int*);
  Unused<3> unused_57;
  Status* (*GetTensorElementType)(const TensorInfo*, int*);
  Status* (*GetDimensionsCount)(const TensorInfo*, std::size_t*);
  Status* (*GetDimensions)(const TensorInfo*, std::int64_t*, std::size_t);
  Status* (*GetSymbolicDimensions)(const TensorInfo*, const char**, std::size_t);
  Unused<1> unused_64;
  Status* (*GetTensorTypeAndShape)(const Value*, TensorInfo**);
  Unused<3> unused_66;
  Status* (*CreateCpuMemoryInfo)(int allocator_type, int memory_type, MemoryInfo**);
  Unused<6> unused_70;
  Status* (*AllocatorFree)(Allocator*, void*);
  Unused<1> unused_77;
  Status* (*GetAllocatorWithDefaultOptions)(Allocator**);
  Unused<1> unused_79;
  Status* (*GetValue)(const Value*, int index, Allocator*, Value** out);
  Status* (*GetValueCount)(const Value*, std::size_t*);
  Unused<10> unused_82;
  void (*ReleaseEnv)(Env*);
  void (*ReleaseStatus)(Status*);
  void (*ReleaseMemoryInfo)(MemoryInfo*);
  void (*ReleaseSession)(Session*);
  void (*ReleaseValue)(Value*);
  Unused<1> unused_97;
  void (*ReleaseTypeInfo)(TypeInfo*);
  void (*ReleaseTensorTypeAndShapeInfo)(TensorInfo*);
  void (*ReleaseSessionOptions)(SessionOptions*);
  Unused<29> unused_101;
  Status* (*AddSessionConfigEntry)(SessionOptions*, const char* key, const char* value);
};

// Positions from offsetof() with onnxruntime_c_api.h of 1.24.
#define TIDEMILL_ORT_PLACE(name, place) \
  static_assert(offsetof(Api, name) == (place) * sizeof(void*), #name " lies elsewhere")
TIDEMILL_ORT_PLACE(GetErrorMessage, 2);
TIDEMILL_ORT_PLACE(CreateEnv, 3);
TIDEMILL_ORT_PLACE(CreateSession, 7);
TIDEMILL_ORT_PLACE(Run, 9);
TIDEMILL_ORT_PLACE(CreateSessionOptions, 10);
TIDEMILL_ORT_PLACE(SetSessionGraphOptimizationLevel, 23);
TIDEMILL_ORT_PLACE(SetIntraOpNumThreads, 24);
TIDEMILL_ORT_PLACE(SetInterOpNumThreads, 25);
TIDEMILL_ORT_PLACE(SessionGetInputCount, 30);
TIDEMILL_ORT_PLACE(SessionGetOutputCount, 31);
TIDEMILL_ORT_PLACE(SessionGetInputTypeInfo, 33);
TIDEMILL_ORT_PLACE(SessionGetOutputTypeInfo, 34);
TIDEMILL_ORT_PLACE(SessionGetInputName, 36);
TIDEMILL_ORT_PLACE(SessionGetOutputName, 37);
TIDEMILL_ORT_PLACE(CreateTensorWithDataAsOrtValue, 49);
TIDEMILL_ORT_PLACE(GetTensorMutableData, 51);
TIDEMILL_ORT_PLACE(CastTypeInfoToTensorInfo, 55);
TIDEMILL_ORT_PLACE(GetOnnxTypeFromTypeInfo, 56);
TIDEMILL_ORT_PLACE(GetTensorElementType, 60);
TIDEMILL_ORT_PLACE(GetDimensionsCount, 61);
TIDEMILL_ORT_PLACE(GetDimensions, 62);
TIDEMILL_ORT_PLACE(GetSymbolicDimensions, 63);
TIDEMILL_ORT_PLACE(GetTensorTypeAndShape, 65);
TIDEMILL_ORT_PLACE(CreateCpuMemoryInfo, 69);
TIDEMILL_ORT_PLACE(AllocatorFree, 76);
TIDEMILL_ORT_PLACE(GetAllocatorWithDefaultOptions, 78);
TIDEMILL_ORT_PLACE(GetValue, 80);
TIDEMILL_ORT_PLACE(GetValueCount, 81);
TIDEMILL_ORT_PLACE(ReleaseEnv, 92);
TIDEMILL_ORT_PLACE(ReleaseStatus, 93);
TIDEMILL_ORT_PLACE(ReleaseMemoryInfo, 94);
TIDEMILL_ORT_PLACE(ReleaseSession, 95);
TIDEMILL_ORT_PLACE(ReleaseValue, 96);
TIDEMILL_ORT_PLACE(ReleaseTypeInfo, 98);
TIDEMILL_ORT_PLACE(ReleaseTensorTypeAndShapeInfo, 99);
TIDEMILL_ORT_PLACE(ReleaseSessionOptions, 100);
TIDEMILL_ORT_PLACE(AddSessionConfigEntry, 130);
#undef TIDEMILL_ORT_PLACE

// Opened once; never closed. Tidemill.NotFound lists the paths that were searched.
Result<const Api*> open_api();

}  // namespace tidemill::model_server::ort
