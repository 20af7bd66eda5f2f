// Streams inferences through a generated top and records what comes out, and when.
//
// usage: program INPUT OUTPUT TIMES vectors in_beats in_bytes out_beats out_bytes seed source sink idle_limit resets gap longest
// INPUT holds vectors * in_beats beats of in_bytes; OUTPUT gets as many beats of out_bytes as came out.
// source, sink: a Pace each. The design starts in a random state, drawn from the seed, and with one reset; `resets` more follow,
// each 0 to `gap` edges after the one before and 2 to `longest` edges long. After each the stream begins again with the first
// vector; the last run is a whole one.
// TIMES gets, as int64, of the last run: for each vector the edge that took its first beat, then for each the edge of its last
// result; then of each run the number of beats that came out.
// Exit 0: all came out; 3: nothing moved for idle_limit edges; 4: tlast or framing_error was wrong, or a beat came that was not
// due; 5: tvalid was high in reset.
#include "Vtop.h"
#include "verilated.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
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

template <typename Port>
void put(Port& port, const uint8_t* bytes, size_t count) {
    std::memset(static_cast<void*>(&port), 0, sizeof(port));
    std::memcpy(static_cast<void*>(&port), bytes, count);
}

template <typename Port>
void get(const Port& port, uint8_t* bytes, size_t count) {
    std::memcpy(bytes, static_cast<const void*>(&port), count);
}

std::vector<uint8_t> read_file(const char* path, size_t bytes) {
    std::vector<uint8_t> data(bytes);
    std::FILE* file = std::fopen(path, "rb");
    if (file == nullptr || std::fread(data.data(), 1, bytes, file) != bytes) {
        std::fprintf(stderr, "cannot read %zu bytes of input\n", bytes);
        std::exit(1);
    }
    std::fclose(file);
    return data;
}

template <typename T>
void write_file(const char* path, const std::vector<T>& data) {
    std::FILE* file = std::fopen(path, "wb");
    if (file == nullptr || std::fwrite(data.data(), sizeof(T), data.size(), file) != data.size()) {
        std::fprintf(stderr, "cannot write the results\n");
        std::exit(1);
    }
    std::fclose(file);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 16) {
        std::fprintf(stderr, "expected 15 arguments\n");
        return 1;
    }
    auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
    const uint64_t vectors = number(4), in_beats = number(5), in_bytes = number(6), out_beats = number(7);
    const uint64_t out_bytes = number(8), seed = number(9), idle_limit = number(12);
    const uint64_t resets = number(13), gap = number(14), longest = number(15);
    Pace source{argv[10]}, sink{argv[11]};

    const auto input = read_file(argv[1], vectors * in_beats * in_bytes);
    std::vector<uint8_t> output;
    std::vector<int64_t> first(vectors, -1), done(vectors, -1), came_out;

    const auto context = std::make_unique<VerilatedContext>();
    context->randReset(2);
    context->randSeed(static_cast<int>(seed & 0x7fffffff) + 1);
    const auto top = std::make_unique<Vtop>(context.get());
    Random random{seed * 0x9e3779b97f4a7c15ULL + 0x1234567ULL};

    auto edge = [&] {
        top->aclk = 1;
        top->eval();
        context->timeInc(1);
        top->aclk = 0;
        top->eval();
        context->timeInc(1);
    };
    bool wrong = false, valid_in_reset = false;
    auto reset = [&] {
        top->aresetn = 0;
        top->s_axis_tvalid = 0;
        top->m_axis_tready = random.below(2) != 0;
        edge();
        for (uint64_t more = 1 + random.below(longest - 1); more > 0; --more) {
            edge();
            valid_in_reset = valid_in_reset || top->m_axis_tvalid;
        }
        top->aresetn = 1;
    };
    top->aclk = 0;
    top->s_axis_tlast = 0;
    top->eval();
    reset();

    const uint64_t due = vectors * out_beats;
    uint64_t sent = 0, received = 0, idle = 0, until_reset = random.below(gap + 1);
    bool offering = false, takes = false, gives = false, input_waits = false, output_waits = false;
    for (int64_t now = 0; received < due || came_out.size() < resets; ++now) {
        if (came_out.size() < resets && until_reset-- == 0) {
            reset();
            came_out.push_back(static_cast<int64_t>(received));
            sent = received = idle = 0;
            until_reset = random.below(gap + 1);
            offering = takes = gives = input_waits = output_waits = false;
        }
        const bool offers = source.willing(random, input_waits, takes);
        if (offers && !offering && sent < vectors * in_beats) {
            offering = true;
            put(top->s_axis_tdata, &input[sent * in_bytes], in_bytes);
            top->s_axis_tlast = sent % in_beats == in_beats - 1;
        }
        top->s_axis_tvalid = offering;
        top->m_axis_tready = sink.willing(random, output_waits, gives);
        top->eval();
        takes = offering && top->s_axis_tready;
        gives = top->m_axis_tvalid && top->m_axis_tready;
        input_waits = !offering && top->s_axis_tready;
        output_waits = top->m_axis_tvalid && !top->m_axis_tready;
        if (takes) {
            if (sent % in_beats == 0) first[sent / in_beats] = now;
            ++sent;
            offering = false;
        }
        if (gives && received == due) wrong = true;
        if (gives && received < due) {
            output.resize(output.size() + out_bytes);
            get(top->m_axis_tdata, &output[output.size() - out_bytes], out_bytes);
            const bool last = received % out_beats == out_beats - 1;
            wrong = wrong || static_cast<bool>(top->m_axis_tlast) != last;
            if (last) done[received / out_beats] = now;
            ++received;
        }
        idle = takes || gives || received == due ? 0 : idle + 1;
        edge();
        wrong = wrong || top->framing_error;
        if (idle > idle_limit) {
            std::fprintf(stderr, "nothing moved for %llu cycles after %llu beats in, %llu out\n",
                         static_cast<unsigned long long>(idle_limit), static_cast<unsigned long long>(sent),
                         static_cast<unsigned long long>(received));
            break;
        }
    }
    top->final();
    write_file(argv[2], output);
    came_out.push_back(static_cast<int64_t>(received));
    first.insert(first.end(), done.begin(), done.end());
    first.insert(first.end(), came_out.begin(), came_out.end());
    write_file(argv[3], first);
    if (received < due) return 3;
    if (valid_in_reset) return 5;
    return wrong ? 4 : 0;
}
