// Streams inferences through a generated top and records what comes out, and when.
//
// usage: program FOLDER vectors seed source sink idle_limit resets gap longest {in_beats in_bytes}… {out_beats out_bytes}…
// HG_INPUTS(X), HG_OUTPUTS(X) name the ports at compile time: X(port, framing error) of each input, X(port) of each output.
// FOLDER/in0, in1, … hold vectors * in_beats beats of in_bytes for each input; FOLDER/out0, … get as many beats of out_bytes as
// came out.  source, sink: a Pace each, which every port keeps by itself.  The design starts in a random state, drawn from the
// seed, and with one reset; `resets` more follow, each 0 to `gap` edges after the one before and 2 to `longest` edges long.
// After each the streams begin again with the first vector; the last run is a whole one.
// FOLDER/times gets, as int64: of the last run, for each input and vector the edge that took its first beat, for each output and
// vector the edge of its last result; for each port whether its tlast or framing error was wrong, or a beat came that was not due;
// the edges simulated; then for each run and output, and tap, the number of beats that came.
// HG_TAPS: a program that also looks inside, at nets of the top: FOLDER/nets names them, one a line, with the bytes of a beat;
// FOLDER/tap0, … get the beats that moved there, FOLDER/stopped valid and ready of each where nothing moves any more.
// Exit 0: all came out; 3: nothing moved for idle_limit edges; 5: tvalid was high in reset.
#include "Vtop.h"
#include "verilated.h"
#ifdef HG_TAPS
#include "verilated_syms.h"
#endif

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

// xorshift: the traffic depends on the seed alone
struct Random {
    uint64_t state;
    uint64_t below(uint64_t bound) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return (state >> 33) % bound;
    }
};

// When an end of a stream is willing: a letter and a number. c: with so many % chance in a cycle; b: runs of 1 to so many
// cycles, willing and not in turn; s: always, but for so many cycles after the first beat; d0: only after the other end was
// seen waiting.
struct Pace {
    char kind;
    uint64_t number, left;
    bool on = false;

    explicit Pace(const char* text) : kind(text[0]), number(std::strtoull(text + 1, nullptr, 10)), left(kind == 's' ? number : 0) {}

    // asked once a cycle; waiting: the other end was willing in vain in the cycle before; moved: a beat moved in it
    bool willing(Random& random, bool waiting, bool moved) {
        if (kind == 'd') return waiting;
        if (kind == 'c') return number >= 100 || random.below(100) < number;
        if (kind == 's') {
            on = on || moved;
            if (!on || left == 0) return true;
            --left;
            return false;
        }
        if (left == 0) {
            left = 1 + random.below(number);
            on = !on;
        }
        --left;
        return on;
    }
};

std::vector<uint8_t> read_file(const std::string& path, size_t bytes) {
    std::vector<uint8_t> data(bytes);
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (file == nullptr || std::fread(data.data(), 1, bytes, file) != bytes) {
        std::fprintf(stderr, "cannot read %zu bytes of input\n", bytes);
        std::exit(1);
    }
    std::fclose(file);
    return data;
}

template <typename T>
void write_file(const std::string& path, const std::vector<T>& data) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (file == nullptr || std::fwrite(data.data(), sizeof(T), data.size(), file) != data.size()) {
        std::fprintf(stderr, "cannot write the results\n");
        std::exit(1);
    }
    std::fclose(file);
}

// A port of the design that takes a stream.
struct Input {
    Pace pace;
    uint64_t beats, bytes, due;
    std::vector<uint8_t> data;
    std::vector<int64_t> first;
    uint64_t sent = 0;
    bool offering = false, takes = false, waits = false, wrong = false;

    void restart() {
        sent = 0;
        std::fill(first.begin(), first.end(), -1);
        offering = takes = waits = false;
    }

    template <typename Data>
    void drive(Random& random, uint8_t& valid, Data& tdata, uint8_t& last) {
        if (pace.willing(random, waits, takes) && !offering && sent < due) {
            offering = true;
            std::memset(static_cast<void*>(&tdata), 0, sizeof(tdata));
            std::memcpy(static_cast<void*>(&tdata), &data[sent * bytes], bytes);
            last = sent % beats == beats - 1;
        }
        valid = offering;
    }

    bool moved(uint8_t ready, int64_t now) {
        takes = offering && ready;
        waits = !offering && ready;
        if (!takes) return false;
        if (sent % beats == 0) first[sent / beats] = now;
        ++sent;
        offering = false;
        return true;
    }
};

// What passes at one place, of this run and those before.
struct Record {
    uint64_t bytes;
    std::vector<uint8_t> data{};
    uint64_t count = 0;

    void take(const void* beat) {
        const auto* from = static_cast<const uint8_t*>(beat);
        data.insert(data.end(), from, from + bytes);
        ++count;
    }
};

// A port of the design that gives a stream.
struct Output {
    Pace pace;
    uint64_t beats, due;
    Record record;
    std::vector<int64_t> done;
    bool gives = false, waits = false, wrong = false;

    void restart() {
        record.count = 0;
        gives = waits = false;
    }

    template <typename Data>
    bool moved(uint8_t valid, uint8_t ready, const Data& tdata, uint8_t last, int64_t now) {
        gives = valid && ready;
        waits = valid && !ready;
        if (!gives) return false;
        if (record.count == due) {
            wrong = true;
            return true;
        }
        const bool ends = record.count % beats == beats - 1;
        wrong = wrong || static_cast<bool>(last) != ends;
        if (ends) done[record.count / beats] = now;
        record.take(&tdata);
        return true;
    }
};

#ifdef HG_TAPS
// A stream inside the top.
struct Tap {
    std::string net;
    const uint8_t *valid, *ready;
    const void* data;
    Record record;
};

std::vector<Tap> find_taps(const VerilatedContext& context, const std::string& path) {
    const VerilatedScope* scope = context.scopeFind("TOP.hwgen_top");
    const auto find = [&](const std::string& name) {
        const VerilatedVar* var = scope == nullptr ? nullptr : scope->varFind(name.c_str());
        if (var == nullptr) {
            std::fprintf(stderr, "the top has no net %s\n", name.c_str());
            std::exit(1);
        }
        return var->datap();
    };
    std::vector<Tap> taps;
    std::FILE* file = std::fopen(path.c_str(), "r");
    char name[256];
    unsigned long long bytes = 0;
    while (file != nullptr && std::fscanf(file, "%255s %llu", name, &bytes) == 2) {
        const std::string net = name;
        taps.push_back({net, static_cast<const uint8_t*>(find(net + "_valid")), static_cast<const uint8_t*>(find(net + "_ready")),
                        find(net + "_data"), Record{bytes}});
    }
    if (file != nullptr) std::fclose(file);
    return taps;
}
#endif

}  // namespace

int main(int argc, char** argv) {
    constexpr int fixed = 10;
    int ports = 0;
#define X(...) ++ports;
    HG_INPUTS(X) HG_OUTPUTS(X)
#undef X
    if (argc != fixed + 2 * ports) {
        std::fprintf(stderr, "expected %d arguments\n", fixed - 1 + 2 * ports);
        return 1;
    }
    auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
    const std::string folder = std::string{argv[1]} + "/";
    const uint64_t vectors = number(2), seed = number(3), idle_limit = number(6);
    const uint64_t resets = number(7), gap = number(8), longest = number(9);

    int at = fixed;
    std::vector<Input> inputs;
    std::vector<Output> outputs;
    const auto add_input = [&] {
        const uint64_t beats = number(at), bytes = number(at + 1);
        auto data = read_file(folder + "in" + std::to_string(inputs.size()), vectors * beats * bytes);
        inputs.push_back({Pace{argv[4]}, beats, bytes, vectors * beats, std::move(data), std::vector<int64_t>(vectors, -1)});
        at += 2;
    };
    const auto add_output = [&] {
        const uint64_t beats = number(at), bytes = number(at + 1);
        outputs.push_back({Pace{argv[5]}, beats, vectors * beats, Record{bytes}, std::vector<int64_t>(vectors, -1)});
        at += 2;
    };
#define X(...) add_input();
    HG_INPUTS(X)
#undef X
#define X(...) add_output();
    HG_OUTPUTS(X)
#undef X

    const auto context = std::make_unique<VerilatedContext>();
    context->randReset(2);
    context->randSeed(static_cast<int>(seed & 0x7fffffff) + 1);
    const auto top = std::make_unique<Vtop>(context.get());
    Random random{seed * 0x9e3779b97f4a7c15ULL + 0x1234567ULL};
#ifdef HG_TAPS
    auto taps = find_taps(*context, folder + "nets");
#endif

    int64_t cycles = 0;
    bool valid_in_reset = false;
    // up to the rising edge; the clock falls with the next inputs, on which alone anything depends then
    auto rise = [&] {
        top->aclk = 1;
        top->eval();
        context->timeInc(1);
        top->aclk = 0;
        ++cycles;
    };
    auto reset = [&] {
        top->aresetn = 0;
#define X(port, error) top->port##_tvalid = 0;
        HG_INPUTS(X)
#undef X
#define X(port) top->port##_tready = random.below(2) != 0;
        HG_OUTPUTS(X)
#undef X
        for (uint64_t edge = 0, edges = 2 + random.below(longest - 1); edge < edges; ++edge) {
            top->eval();
            rise();
            top->eval();
#define X(port) valid_in_reset = valid_in_reset || (edge > 0 && top->port##_tvalid);
            HG_OUTPUTS(X)
#undef X
        }
        top->aresetn = 1;
    };
    top->aclk = 0;
#define X(port, error) top->port##_tlast = 0;
    HG_INPUTS(X)
#undef X
    reset();

    std::vector<int64_t> came_out;
    uint64_t idle = 0, until_reset = random.below(gap + 1), finished_resets = 0;
    bool complete = vectors == 0, stopped = false;
    const auto close_run = [&] {
        for (auto& output : outputs) came_out.push_back(static_cast<int64_t>(output.record.count));
#ifdef HG_TAPS
        for (auto& tap : taps) came_out.push_back(static_cast<int64_t>(tap.record.count));
#endif
    };
    for (int64_t now = 0; !complete || finished_resets < resets; ++now) {
        if (finished_resets < resets && until_reset-- == 0) {
            close_run();
            reset();
            ++finished_resets;
            for (auto& input : inputs) input.restart();
            for (auto& output : outputs) output.restart();
#ifdef HG_TAPS
            for (auto& tap : taps) tap.record.count = 0;
#endif
            idle = 0;
            complete = false;
            until_reset = random.below(gap + 1);
        }
        int index = 0;
#define X(port, error) inputs[index++].drive(random, top->port##_tvalid, top->port##_tdata, top->port##_tlast);
        HG_INPUTS(X)
#undef X
        index = 0;
#define X(port) \
    top->port##_tready = outputs[index].pace.willing(random, outputs[index].waits, outputs[index].gives); \
    ++index;
        HG_OUTPUTS(X)
#undef X
        top->eval();
        bool moved = false;
        index = 0;
#define X(port, error) moved |= inputs[index++].moved(top->port##_tready, now);
        HG_INPUTS(X)
#undef X
        index = 0;
#define X(port) moved |= outputs[index++].moved(top->port##_tvalid, top->port##_tready, top->port##_tdata, top->port##_tlast, now);
        HG_OUTPUTS(X)
#undef X
#ifdef HG_TAPS
        for (auto& tap : taps) {
            if (*tap.valid && *tap.ready) tap.record.take(tap.data);
        }
#endif
        if (moved && !complete) {
            complete = true;
            for (const auto& output : outputs) complete = complete && output.record.count == output.due;
        }
        idle = moved || complete ? 0 : idle + 1;
        if (idle > idle_limit) {
            stopped = true;
            break;
        }
        rise();
        index = 0;
#define X(port, error) inputs[index].wrong = inputs[index].wrong || top->error, ++index;
        HG_INPUTS(X)
#undef X
    }
#ifdef HG_TAPS
    std::string waiting;
    for (const auto& tap : taps) waiting += tap.net + (*tap.valid ? " 1" : " 0") + (*tap.ready ? " 1\n" : " 0\n");
    if (stopped) write_file(folder + "stopped", std::vector<char>(waiting.begin(), waiting.end()));
    for (size_t k = 0; k < taps.size(); ++k) write_file(folder + "tap" + std::to_string(k), taps[k].record.data);
#endif
    close_run();
    top->final();
    std::vector<int64_t> times;
    for (const auto& input : inputs) times.insert(times.end(), input.first.begin(), input.first.end());
    for (const auto& output : outputs) times.insert(times.end(), output.done.begin(), output.done.end());
    for (const auto& input : inputs) times.push_back(input.wrong);
    for (const auto& output : outputs) times.push_back(output.wrong);
    times.push_back(cycles);
    times.insert(times.end(), came_out.begin(), came_out.end());
    write_file(folder + "times", times);
    for (size_t k = 0; k < outputs.size(); ++k) write_file(folder + "out" + std::to_string(k), outputs[k].record.data);
    if (stopped) return 3;
    return valid_in_reset ? 5 : 0;
}
