# gnuplot -e "name='json'" benchmarks/plot.gp: ours beside the limit, from benchmarks/results/NAME.dat.
set terminal svg size 960,540 font "sans,11"
set output 'benchmarks/results/'.name.'.svg'
set title name
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 border -1
set xtics rotate by -20 noenhanced
set logscale y
set grid ytics
set key top right
plot 'benchmarks/results/'.name.'.dat' using 2:xtic(1) title 'lllm' lc rgb '#3b6ea5', \
     '' using ($3 > 0 ? $3 : NaN) title 'limit' lc rgb '#c9c9c9'
